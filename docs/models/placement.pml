/* A request on Placement, which neither decides nor knows whose processing is over: intent, marker, closing, the unguarded DELETE.
   One consumer, two requests, two workers, and a world that crashes, loses answers, delivers late and rolls the journal back.
   One `atomic` is one script of Redis or one request to Placement. README.md explains it.
   Every switch below removes one rule; with all at 0 the model must have no error. */

/* ---- bounds: which faults may happen, and how many of them (any mixture) in one run ---- */
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef CRASH        /* a worker dies; its session ends later, its message comes again */
#define CRASH 1
#endif
#ifndef LEASE        /* the lease of a worker that still runs ends, it goes on; its message may come again at once */
#define LEASE 1
#endif
#ifndef LATE         /* a reservation, a write, a closing or a DELETE stays in the network and runs later, or never */
#define LATE 1
#endif
#ifndef LOST         /* what was sent is carried out, and its answer is lost */
#define LOST 1
#endif
#ifndef CONFL        /* Placement has less room than the plan saw; a DELETE is refused by a server that is not there */
#define CONFL 1
#endif
#ifndef ROLLBACK     /* the journal comes back older; what was told is restored first */
#define ROLLBACK 0
#endif
#ifndef FOREIGN      /* somebody else moves the consumer, to anywhere */
#define FOREIGN 0
#endif
#ifndef CANCEL       /* request 1 is called off, or its deadline passes */
#define CANCEL 0
#endif
#ifndef ALTERNATE    /* request 1 names C as alternate of B */
#define ALTERNATE 0
#endif
#ifndef REPLAY       /* request 2 is request 1 again, sent once that has been told as not happened */
#define REPLAY 0
#endif
#ifndef DEL          /* request 1 is a forced release: one DELETE without guard and marker */
#define DEL 0
#endif
#ifndef HALF         /* a reservation is halted between making K and looking at it */
#define HALF 0
#endif
#ifndef DST2         /* request 2 moves to here: 2 = C, 3 = nowhere (a release) */
#define DST2 2
#endif
#ifndef FIRST        /* 0: the marker is reserved only after the intent is noted */
#define FIRST 1
#endif
#ifndef REQS
#define REQS 2
#endif
#ifndef SRC2         /* request 2 moves from here: 1 = B (after request 1), 0 = A (competes with request 1) */
#define SRC2 0
#endif

/* ---- rules removed ---- */
#ifndef NO_INTENT    /* nothing is noted before a send */
#define NO_INTENT 0
#endif
#ifndef NO_KEEP      /* sent before it is certain that the note cannot be rolled back */
#define NO_KEEP 0
#endif
#ifndef NO_SETTLE    /* who begins a request anew does not settle what was noted */
#define NO_SETTLE 0
#endif
#ifndef NO_UNSETTLED /* planned on a consumer although another request's intent on it is not settled */
#define NO_UNSETTLED 0
#endif
#ifndef NO_CLOSE     /* a refused or unclear attempt is not closed before something else is tried or told */
#define NO_CLOSE 0
#endif
#ifndef NO_MARKER    /* the write does not depend on its marker */
#define NO_MARKER 0
#endif
#ifndef NO_NEXT      /* after a closing the same attempt is tried again */
#define NO_NEXT 0
#endif
#ifndef NO_OWN       /* written under a marker that another has reserved */
#define NO_OWN 0
#endif
#ifndef NO_GEN       /* the write does not compare the consumer's generation */
#define NO_GEN 0
#endif
#ifndef NO_FIND      /* told as not happened without a look at the marker */
#define NO_FIND 0
#endif
#ifndef NO_TRUST     /* a worker does not compare the time before it sends */
#define NO_TRUST 0
#endif
#ifndef NO_PROCNOTE  /* noted for a processing that is over */
#define NO_PROCNOTE 0
#endif
#ifndef NO_DPROC     /* decided by a processing that is over */
#define NO_DPROC 0
#endif
#ifndef NO_WAIT      /* told before it is certain that the decision cannot be rolled back */
#define NO_WAIT 0
#endif
#ifndef BY_STATE     /* an unclear attempt is credited by where the consumer is, not by its marker */
#define BY_STATE 0
#endif
#ifndef RESEND       /* a DELETE that was not answered is sent again */
#define RESEND 0
#endif
#ifndef NO_DELNOTE   /* a DELETE is not noted before it is sent */
#define NO_DELNOTE 0
#endif
#ifndef GUESS        /* a DELETE that was not answered is told as not happened where the consumer is still there */
#define GUESS 0
#endif
#ifndef EAGER        /* a replay is sent as soon as the request has failed once, undecided */
#define EAGER 0
#endif

#define APPLIED   1
#define FOUND     2      /* applied, as a later step found it */
#define ALREADY   3      /* applied, as the marker tells where the journal has lost it */
#define REFUSED   4
#define EXHAUSTED 5
#define CALLEDOFF 6
#define UNKNOWN   7
#define HAPPENED(o) ((o) <= ALREADY)
#define EVENT(t, o) ((t) * 8 + (o))
#define CODE(e) ((e) % 8)
/* answers */
#define STALE 1
#define DONE 2
#define CONFLICT 3
#define CLOSED 4
#define BEGUN 5
#define DECIDED 6
#define UNCLEAR 8
#define WRITTEN_ 9
/* K */
#define ABSENT 0
#define RESERVED 1
#define WRITTEN 2
#define SHUT 3
#ifndef NK            /* one more than attempts ever made */
#define NK 8
#endif
#define NOTHING 3        /* where a consumer is that holds nothing */

/* ---- Placement ---- */
byte loc, gen = 1, K[3 * NK];             /* the consumer, and the marker of each attempt */
/* ---- the journal ---- */
byte proc[3], ps[3], prun[3], n[3], ev[3], note[3], rung[3], uns, lkR, lkT, runid;
bool dead[9];
/* ---- the same, as it was kept ---- */
byte vproc[3], vps[3], vprun[3], vn[3], vev[3], vnote[3], vrung[3], vuns;
bool saved;
/* ---- the network ---- */
byte pR, pN, pG, pD;                   /* a late write */
byte cR, cN;                           /* a late closing */
byte rR, rN, hR, hN;                   /* a late reservation; one that is halted after it has made K */
bool dR;                               /* a late DELETE */
/* ---- queues and workers ---- */
byte q[3], sess[2], sessions, tokens[3];
byte workR[2]; bool hold[2];             /* what each works on; whether its message is still its own */
/* ---- bookkeeping of the proof ---- */
byte told[3], eff[3], dels;
bool off, failed, moved;
byte faults = FAULTS, rollback = ROLLBACK, foreign = FOREIGN, cancel = CANCEL, replay = REPLAY;

#define AT(r, k) ((r) * NK + (k))
#define SRC(r) ((r) == 1 || REPLAY -> 0 : SRC2)
#define DST(r, d) ((r) == 1 || REPLAY -> 1 + (d) : DST2)
#define CURRENT(r, t) (proc[r] == (t) && prun[r] == runid)
#define HELD(r) (proc[r] != 0 && !dead[ps[r]] && prun[r] == runid)
#define ISDEL(r) (DEL && (r) == 1)

inline unlock(r, t) { if :: lkR == r && lkT == t -> lkR = 0; lkT = 0 :: else fi }
inline x_begin(r, t, s, res) {
  if
  :: dead[s] -> res = STALE
  :: !dead[s] && ev[r] != 0 -> res = DECIDED
  :: !dead[s] && ev[r] == 0 && HELD(r) && ps[r] != s -> res = STALE      /* a duplicate: it waits */
  :: !dead[s] && ev[r] == 0 && !(HELD(r) && ps[r] != s) ->
     unlock(r, proc[r]); proc[r] = t; ps[r] = s; prun[r] = runid; res = BEGUN; if :: n[r] == 0 -> n[r] = 1 :: else fi
  fi
}
/* v: what is noted: 1 + destination, 4 = a DELETE, 0 = nothing any more */
inline x_note(r, t, s, k, v, res) {
  if
  :: (CURRENT(r, t) || NO_PROCNOTE) && ev[r] == 0 && (!dead[s] || NO_PROCNOTE) && n[r] <= k && ((lkR == r && lkT == t) || NO_PROCNOTE) ->
     n[r] = k; note[r] = v; if :: v != 0 -> uns = r :: v == 0 && uns == r -> uns = 0 :: else fi; res = DONE
  :: else -> res = STALE
  fi
}
inline x_decide(r, t, s, o, res) {
  if
  :: !NO_DPROC && (!CURRENT(r, t) || dead[s]) -> res = STALE
  :: !(!NO_DPROC && (!CURRENT(r, t) || dead[s])) && ev[r] != 0 -> if :: ev[r] == EVENT(t, o) -> res = DONE :: else -> res = STALE fi
  :: !(!NO_DPROC && (!CURRENT(r, t) || dead[s])) && ev[r] == 0 ->
     ev[r] = EVENT(t, o); note[r] = 0; if :: uns == r -> uns = 0 :: else fi; unlock(r, t); res = DONE
  fi
}
/* `up`: it takes a rung, its door being closed; else it is handed back, and its intent stays */
inline x_aside(r, t, s, up) {
  if
  :: CURRENT(r, t) && !dead[s] && ev[r] == 0 -> proc[r] = 0; if :: up -> rung[r]++; if :: uns == r -> uns = 0 :: else fi :: else fi
  :: else
  fi;
  unlock(r, t)
}

inline p_reserve(r, k, res) {
  if :: K[AT(r, k)] == ABSENT -> K[AT(r, k)] = RESERVED; res = DONE
     :: K[AT(r, k)] == WRITTEN -> res = WRITTEN_
     :: else -> res = CONFLICT fi
}
inline p_write(r, k, g, d, res) {
  if
  :: !NO_MARKER && K[AT(r, k)] == WRITTEN -> res = DONE                 /* this attempt did it */
  :: !NO_MARKER && K[AT(r, k)] == SHUT -> res = CONFLICT
  :: !NO_MARKER && K[AT(r, k)] == ABSENT -> res = STALE
  :: (NO_MARKER || K[AT(r, k)] == RESERVED) && gen != g && !NO_GEN -> res = CONFLICT
  :: (NO_MARKER || K[AT(r, k)] == RESERVED) && (gen == g || NO_GEN) && CONFL && faults > 0 -> faults--; res = CONFLICT
  :: (NO_MARKER || K[AT(r, k)] == RESERVED) && (gen == g || NO_GEN) ->
     assert(loc == SRC(r));                             /* nothing is written over what somebody else did */
     loc = DST(r, d); gen++; eff[r]++; K[AT(r, k)] = WRITTEN; res = DONE;
     assert(eff[1] <= 1 && eff[2] <= 1);                /* one effect a request */
     assert(!REPLAY || eff[1] + eff[2] <= 1);           /* and a replay has none where the request had one */
     assert(told[r] == 0 || HAPPENED(CODE(told[r])))    /* never after it was told that it did not happen */
  fi
}
/* Makes K where it is not there, and closes it at generation 0. */
inline p_close(r, k, res) {
  if
  :: BY_STATE -> if :: loc == DST(r, 0) -> res = DONE :: else -> K[AT(r, k)] = SHUT; res = CLOSED fi
  :: !BY_STATE && K[AT(r, k)] == WRITTEN -> res = DONE
  :: !BY_STATE && K[AT(r, k)] != WRITTEN -> K[AT(r, k)] = SHUT; res = CLOSED
  fi
}
inline p_delete() { if :: loc != NOTHING -> loc = NOTHING; gen++; eff[1]++ :: else fi }

#if ROLLBACK
inline keep1(r) { vproc[r] = proc[r]; vps[r] = ps[r]; vprun[r] = prun[r]; vn[r] = n[r]; vev[r] = ev[r]; vnote[r] = note[r]; vrung[r] = rung[r] }
inline back1(r) { proc[r] = vproc[r]; ps[r] = vps[r]; prun[r] = vprun[r]; n[r] = vn[r]; ev[r] = vev[r]; note[r] = vnote[r]; rung[r] = vrung[r];
  if :: told[r] != 0 && ev[r] == 0 -> ev[r] = told[r]; note[r] = 0; if :: uns == r -> uns = 0 :: else fi :: else fi }
inline save() { saved = true; vuns = uns; keep1(1); keep1(2) }
#endif
inline endof(s) { dead[s] = true; if :: lkR != 0 && ps[lkR] == s -> lkR = 0; lkT = 0 :: else fi }

/* The network, time, and everybody else. */
active proctype World() {
  byte res;
end: do
  :: atomic { pR != 0 -> if :: p_write(pR, pN, pG, pD, res) :: skip fi; pR = 0; pN = 0; pG = 0; pD = 0; res = 0 }
  :: atomic { cR != 0 -> if :: p_close(cR, cN, res) :: skip fi; cR = 0; cN = 0; res = 0 }
  :: atomic { rR != 0 -> if :: p_reserve(rR, rN, res) :: skip fi; rR = 0; rN = 0; res = 0 }
#if HALF
     /* it finds K holding something, and takes away what it has made */
  :: atomic { hR != 0 -> if :: K[AT(hR, hN)] == WRITTEN || K[AT(hR, hN)] == SHUT -> K[AT(hR, hN)] = ABSENT :: else fi; hR = 0; hN = 0 }
#endif
#if DEL
  :: atomic { dR -> if :: p_delete() :: skip fi; dR = false }
#endif
  :: atomic { LEASE && faults > 0 && workR[0] != 0 && !dead[sess[0]] -> faults--; endof(sess[0]); if :: hold[0] -> hold[0] = false; q[workR[0]]++ :: true fi }
  :: atomic { LEASE && faults > 0 && workR[1] != 0 && !dead[sess[1]] -> faults--; endof(sess[1]); if :: hold[1] -> hold[1] = false; q[workR[1]]++ :: true fi }
     /* of the dead it ends for certain */
  :: atomic { HELD(1) && ps[1] != sess[0] && ps[1] != sess[1] -> endof(ps[1]) }
  :: atomic { HELD(2) && ps[2] != sess[0] && ps[2] != sess[1] -> endof(ps[2]) }
#if FOREIGN
  :: atomic { foreign > 0 && loc != NOTHING -> foreign--; gen++; moved = true; if :: loc = 0 :: loc = 1 :: loc = 2 fi }
#endif
#if CANCEL
  :: atomic { cancel > 0 -> cancel--; off = true }
#endif
#if REPLAY
  :: atomic { replay > 0 && (EAGER -> failed : told[1] != 0 && !HAPPENED(CODE(told[1])) && CODE(told[1]) != UNKNOWN) -> replay--; q[2]++ }
#endif
#if ROLLBACK
  :: atomic { rollback > 0 && !saved -> save() }
  :: atomic { rollback > 0 && saved -> rollback--; runid++; uns = vuns; lkR = 0; lkT = 0; back1(1); back1(2) }
#endif
  od
}

inline tell(e) {
  assert(told[r] == 0 || told[r] == (e) || CODE(e) == ALREADY);           /* one event a request, however often */
  told[r] = e;
  if
  :: CODE(e) == UNKNOWN -> assert(ISDEL(r))
  :: HAPPENED(CODE(e)) -> assert(eff[r] == 1)
  :: else -> assert(eff[r] == 0)
  fi
}
#define MAYDIE if :: atomic { CRASH && faults > 0 -> faults--; goto die } :: true fi
#define NEWSESSION sessions++; assert(sessions < 9); sess[w] = sessions
/* what would only be set aside for a second waits here */
#define TAKES(r) (q[r] > 0 && (ev[r] != 0 || ((!HELD(r) || ps[r] == sess[w]) && (NO_UNSETTLED || uns == 0 || uns == r))))

active [2] proctype Worker() {
  byte w, r, t, g, k, o, a, noted, d, tries; bool sent, called;
  w = _pid - 1;
  atomic { NEWSESSION };
end: do
  :: atomic { TAKES(1) -> q[1]--; r = 1; hold[w] = true; workR[w] = 1 }; goto begin
  :: atomic { REQS == 2 && TAKES(2) -> q[2]--; r = 2; hold[w] = true; workR[w] = 2 }; goto begin
  od;

begin:
  atomic { if :: dead[sess[w]] -> NEWSESSION :: else fi; tokens[r]++; assert(tokens[r] < 15); t = tokens[r];
    x_begin(r, t, sess[w], a); k = n[r]; noted = (NO_SETTLE -> 0 : note[r]); called = (off && r == 1) };
  if
  :: a == DECIDED -> goto redecided
  :: a == STALE -> goto giveup
  :: a == BEGUN
  fi;
  MAYDIE;
  /* settle what may have been sent */
  if
  :: noted == 4 -> goto look
  :: noted != 0 && noted != 4 -> goto close
  :: noted == 0
  fi;
settled:
  if :: called -> o = CALLEDOFF; goto find :: else fi;
  if
  :: atomic { lkR == r && lkT == t }
  :: atomic { lkR == 0 && CURRENT(r, t) && !dead[sess[w]] -> lkR = r; lkT = t }
  :: atomic { !CURRENT(r, t) || dead[sess[w]] }; goto giveup
  fi;
plan:
  if :: !NO_UNSETTLED && uns != 0 && uns != r -> goto giveup :: else fi;  /* set aside until that is settled */
  atomic { g = gen; a = 0; if
    :: loc != SRC(r) -> o = REFUSED                     /* not at its source */
    :: loc == SRC(r) -> if :: o = 0 :: o = REFUSED fi   /* room is there, or not */
    fi };
  if
  :: o == REFUSED && ALTERNATE && r == 1 && d == 0 && loc == SRC(r) -> o = 0; d = 1; goto plan
  :: o == REFUSED && !(ALTERNATE && r == 1 && d == 0 && loc == SRC(r)) -> goto find
  :: o == 0
  fi;
#if FIRST
  if :: !ISDEL(r) -> goto reserve :: else fi;
noting: skip;
#endif
#if !NO_INTENT
  atomic { if :: ISDEL(r) && NO_DELNOTE -> a = DONE :: else -> x_note(r, t, sess[w], k, (ISDEL(r) -> 4 : 1 + d), a) fi };
  if :: a == STALE -> goto giveup :: else -> noted = (ISDEL(r) -> 4 : 1 + d) fi;
  MAYDIE;
#if ROLLBACK && !NO_KEEP
  atomic { if :: CURRENT(r, t) -> save(); a = 0 :: else -> a = STALE fi };
  if :: a == STALE -> goto giveup :: else fi;
#endif
#endif
  if :: dead[sess[w]] && !NO_TRUST -> goto giveup :: else fi;   /* the lock is not trusted any more */
  if :: ISDEL(r) -> goto delete :: else fi;
#if FIRST
  goto send;
#endif
reserve:                                                /* a marker of its own */
  if
  :: atomic { p_reserve(r, k, a) }
  :: atomic { LOST && faults > 0 -> faults--; p_reserve(r, k, a); a = CONFLICT }
  :: atomic { LATE && faults > 0 && rR == 0 -> faults--; rR = r; rN = k; a = CONFLICT }
#if HALF
  :: atomic { K[AT(r, k)] == ABSENT && faults > 0 && hR == 0 -> faults--; K[AT(r, k)] = RESERVED; hR = r; hN = k; a = CONFLICT }
#endif
  fi;
  if
  :: a == WRITTEN_ -> o = APPLIED; goto decide
  :: a == CONFLICT && !(NO_OWN && K[AT(r, k)] == RESERVED) -> o = CONFLICT; goto close
  :: a == CONFLICT && NO_OWN && K[AT(r, k)] == RESERVED
  :: a == DONE
  fi;
#if FIRST
  goto noting;
#endif
send:
  MAYDIE;
  if
  :: atomic { p_write(r, k, g, d, a) }
  :: atomic { LOST && faults > 0 -> faults--; p_write(r, k, g, d, a); a = UNCLEAR }
  :: atomic { LATE && faults > 0 && pR == 0 -> faults--; pR = r; pN = k; pG = g; pD = d; a = UNCLEAR }
  fi;
  if
  :: a == DONE -> o = APPLIED; goto decide
  :: a == STALE -> goto giveup
  :: a == UNCLEAR -> if :: a = 0; goto send :: o = UNCLEAR fi
  :: a == CONFLICT -> o = CONFLICT
  fi;
close:
#if NO_CLOSE
  if :: o == 0 -> noted = 0; goto settled :: o == CONFLICT -> noted = 0; o = 0; goto lost :: o == UNCLEAR -> goto ladder fi;
#endif
  if
  :: atomic { p_close(r, k, a) }
  :: atomic { LOST && faults > 0 -> faults--; p_close(r, k, a) }; goto close
  :: atomic { LATE && faults > 0 && cR == 0 -> faults--; cR = r; cN = k }; if :: goto close :: goto giveup fi
#if HALF
  :: atomic { K[AT(r, k)] == ABSENT && faults > 0 && hR == 0 -> faults--; K[AT(r, k)] = RESERVED; hR = r; hN = k }; goto close
#endif
  fi;
  if
  :: a == DONE -> o = FOUND; goto decide
  :: a == CLOSED -> noted = 0; if :: !NO_NEXT -> k++; assert(k < NK) :: else fi
  fi;
  if
  :: o == 0 -> goto settled
  :: o == UNCLEAR -> goto ladder
  :: o == CONFLICT -> o = 0
  fi;
lost: if :: tries == 0 -> tries++; goto plan :: else -> goto ladder fi;

delete:
  MAYDIE;
  atomic { dels++; assert(dels <= 1) };                 /* sent once, by anybody, ever */
  if
  :: atomic { p_delete() }; o = APPLIED; goto decide
  :: atomic { LOST && faults > 0 -> faults--; p_delete() }
  :: atomic { LATE && faults > 0 && !dR -> faults--; dR = true }
  :: atomic { CONFL && faults > 0 -> faults--; dels--; x_note(r, t, sess[w], k, 0, a) }; noted = 0; goto ladder
  fi;
#if RESEND
  goto delete;
#endif
look:                                                   /* reading settles it: that it is still there proves nothing */
  if :: loc == NOTHING -> o = FOUND :: else -> o = (GUESS -> EXHAUSTED : UNKNOWN) fi; goto decide;

ladder:
  failed = true;
  if
  :: rung[r] == 0 -> atomic { x_aside(r, t, sess[w], true) }; MAYDIE; goto again
  :: rung[r] > 0 -> o = EXHAUSTED
  fi;
find:                                                   /* the journal may have lost what the marker knows */
#if !NO_FIND
  atomic { a = k; do
    :: a < NK && K[AT(r, a)] == WRITTEN && !ISDEL(r) -> o = ALREADY; break
    :: a < NK && K[AT(r, a)] == SHUT && !ISDEL(r) -> a++
    :: else -> break
    od; a = 0 };
#endif
decide:
  MAYDIE;
resend: if
  :: atomic { x_decide(r, t, sess[w], o, a) }
  :: atomic { LOST && faults > 0 -> faults--; x_decide(r, t, sess[w], o, a) }; if :: goto resend :: goto giveup fi
  fi;
  if :: a == DONE -> goto mine :: a == STALE -> goto giveup fi;
mine:
  MAYDIE;
#if ROLLBACK && !NO_WAIT
  atomic { if :: ev[r] == EVENT(t, o) -> save(); tell(EVENT(t, o)); a = 0 :: else -> a = STALE fi };
  if :: a == STALE -> goto giveup :: else fi;
#else
  atomic { tell(EVENT(t, o)) };
#endif
  goto next;
redecided:
  MAYDIE;
#if ROLLBACK && !NO_WAIT
  atomic { if :: ev[r] != 0 -> save(); tell(ev[r]); a = 0 :: else -> a = STALE fi };
  if :: a == STALE -> goto giveup :: else fi;
#else
  atomic { tell(ev[r]) };
#endif
  goto next;
die: atomic { NEWSESSION; goto again };
giveup: atomic { x_aside(r, t, sess[w], false) };
again: atomic { if :: hold[w] -> q[r]++ :: else fi };
next: atomic { hold[w] = false; workR[w] = 0; r = 0; t = 0; g = 0; k = 0; o = 0; a = 0; noted = 0; d = 0; tries = 0; called = false }; goto end
}

init {
  atomic { q[1] = 1; if :: REQS == 2 && !REPLAY -> q[2] = 1 :: else fi }
  timeout ->                                           /* nothing can move any more: everything must be decided and told */
  assert(told[1] != 0 && ev[1] == told[1]);
  assert(REQS == 1 || (REPLAY && q[2] == 0 && tokens[2] == 0) || (told[2] != 0 && ev[2] == told[2]));
  assert(q[1] == 0 && q[2] == 0 && lkR == 0 && uns == 0 && note[1] == 0 && note[2] == 0);
  assert(CODE(told[1]) == UNKNOWN || HAPPENED(CODE(told[1])) == (eff[1] == 1));
  assert(told[2] == 0 || HAPPENED(CODE(told[2])) == (eff[2] == 1))
}
