/* The journal, the attempt mark and the embedded (Redis) ledger of Ferryman: one consumer, two requests, two workers, and a
   world that crashes, freezes, loses answers and delivers late. One `atomic` is one Redis script. README.md explains it.
   Every switch below removes one rule (or one mend); with all at 0 the model must have no error. */

/* ---- bounds: which faults may happen, and how many of them (any mixture) in one run ---- */
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef CRASH        /* a worker dies; its session ends later, its message comes again */
#define CRASH 1
#endif
#ifndef LEASE        /* the lease of a worker that still runs ends (it froze, or was cut off) */
#define LEASE 1
#endif
#ifndef LATE         /* a script that was sent stays in the network and runs later, or never */
#define LATE 1
#endif
#ifndef LOST         /* a script runs, and its answer is lost */
#define LOST 1
#endif
#ifndef DUP          /* a message is delivered a second time while its first delivery is in hand */
#define DUP 1
#endif
#ifndef RESTART      /* Redis restarts with its data: another run id */
#define RESTART 0
#endif
#ifndef ROLLBACK     /* Redis restarts with an older state; what was told is restored first (WAIT before telling) */
#define ROLLBACK 0
#endif
#ifndef FOREIGN      /* somebody else moves the consumer, to anywhere */
#define FOREIGN 0
#endif
#ifndef CONFL        /* the ledger refuses a write for lack of room that the plan saw */
#define CONFL 1
#endif
#ifndef HOLD         /* a ticket reaches its deadline while its worker still works */
#define HOLD 0
#endif
#ifndef FORGED       /* a message with the id of request 1 and another content (A to C) */
#define FORGED 0
#endif
#ifndef PAUSE        /* a worker stops consuming for good, and lives on */
#define PAUSE 0
#endif
#ifndef CANCEL       /* somebody cancels request 1 */
#define CANCEL 0
#endif
#ifndef RUNGS
#define RUNGS 1
#endif
#ifndef LOCK
#define LOCK 1
#endif
#ifndef SWEEP
#define SWEEP 1
#endif
#ifndef ONCE         /* this request says idempotent:false (0: none) */
#define ONCE 0
#endif
#ifndef SRC2         /* request 2 leaves this place: 1 = B (after request 1), 0 = A (competes with request 1) */
#define SRC2 1
#endif
#ifndef REQS
#define REQS 2
#endif

/* ---- rules removed ---- */
#ifndef NO_CODE      /* apply does not check that a decision stands */
#define NO_CODE 0
#endif
#ifndef NO_PROC      /* apply does not check the processing */
#define NO_PROC 0
#endif
#ifndef NO_N         /* apply does not check the attempt number */
#define NO_N 0
#endif
#ifndef NO_FENCE     /* apply checks neither ticket nor lease */
#define NO_FENCE 0
#endif
#ifndef NO_GEN       /* apply does not compare generations */
#define NO_GEN 0
#endif
#ifndef NO_DPROC     /* decide checks neither processing nor lease */
#define NO_DPROC 0
#endif
#ifndef NO_FIRST     /* decide overwrites a decision */
#define NO_FIRST 0
#endif
#ifndef NO_VOID      /* begin does not void the processing before it */
#define NO_VOID 0
#endif
#ifndef NO_RUN       /* processings are not bound to the run id */
#define NO_RUN 0
#endif
#ifndef BY_STATE     /* an unclear write is credited by the state found, not by `written` */
#define BY_STATE 0
#endif
#ifndef NO_CLOSE     /* an unclear or refused send is not closed before something else is decided */
#define NO_CLOSE 0
#endif
#ifndef TELL_FIRST   /* the event is told before the decision is written */
#define TELL_FIRST 0
#endif
#ifndef ACK_FIRST    /* the message is acknowledged before the event is told */
#define ACK_FIRST 0
#endif
#ifndef NO_DIGEST    /* begin does not compare the content */
#define NO_DIGEST 0
#endif
#ifndef SPLIT        /* the decision is not written in the script that writes the books, and `begin` does not return `written` */
#define SPLIT 0
#endif
#ifndef NO_WAIT      /* told without waiting until it can no longer be rolled back */
#define NO_WAIT 0
#endif
#ifndef NO_RESTORE   /* after a rollback nothing is restored from the told events */
#define NO_RESTORE 0
#endif
/* ---- mends that slot.md lacks ---- */
#ifndef NO_ORDER     /* begin lets an older token of the same session displace a newer one, and a token that ended return */
#define NO_ORDER 0
#endif
#ifndef NO_TIE       /* a processing holds its request while its session lives, even when its ticket is gone */
#define NO_TIE 0
#endif
#ifndef NO_INTENT    /* nothing is noted before the one send of an idempotent:false request */
#define NO_INTENT 0
#endif
#ifndef NO_GIVEUP    /* a `begin` that got no answer is not given up by its token */
#define NO_GIVEUP 0
#endif
#ifndef NO_TRUTH     /* decide does not compare the outcome with `written` */
#define NO_TRUTH 0
#endif

#define APPLIED   1
#define REFUSED   2
#define EXHAUSTED 3
#define CANCELLED 4
#define FOUND     5      /* applied, as a later step found it: another event than the one the write carried */
#define HAPPENED(o) ((o) == APPLIED || (o) == FOUND)
/* answers */
#define STALE 1
#define DONE 2
#define CONFLICT 3
#define CLOSED 4
#define BEGUN 5
#define DECIDED 6
#define DUPLICATE 7
#define REUSED 8
#define UNCLEAR 9

#define SRC(r) ((r == 1) -> 0 : SRC2)
#define DST(r, d) ((r == 1 && !(d)) -> 1 : 2)
#define CODE(e) ((e) % 8)
#define EVENT(t, o) ((t) * 8 + (o))

/* the books */
byte loc = 0, gen = 1;
/* the journal, per request */
byte n[3] = 1;
byte proc[3], ps[3], prun[3], written[3], ev[3], rung[3], last[3];
bool due[3], toldmark[3], sent[3], dig[3], known[3];
byte runid = 1;
/* the lock of the consumer: request and token that hold it; the current processing of r still has a ticket */
byte lkR = 0, lkT = 0;
bool ticket[3];
/* sessions and the world */
bool dead[10]; byte sessions = 0;
byte sess[2], workR[2], workT[2]; bool hold[2], paused[2];
byte q[3], qf, lad[3], tokens[3];
/* what really happened (ghosts) */
byte eff[3], effd[3], told[3], sends[3];
/* budgets */
byte faults = FAULTS, restart = RESTART, foreign = FOREIGN, pauses = PAUSE, cancel = CANCEL, rollback = ROLLBACK;
/* one late script of each kind */
byte aR, aT, aS, aN, aG; bool aD;
byte dR, dT, dS, dO;
byte bR, bT, bS; bool bD;
byte netres;
#if ROLLBACK
byte vloc, vgen, vproc[3], vps[3], vprun[3], vn[3], vwritten[3], vev[3], vrung[3], vlast[3], veff[3], veffd[3];
bool vdue[3], vsent[3], vdig[3], vknown[3], saved;
inline save() { vloc = loc; vgen = gen; sv(1); sv(2); saved = true }
inline sv(r) { vproc[r] = proc[r]; vps[r] = ps[r]; vprun[r] = prun[r]; vn[r] = n[r]; vwritten[r] = written[r]; vev[r] = ev[r];
  vrung[r] = rung[r]; vlast[r] = last[r]; veff[r] = eff[r]; veffd[r] = effd[r]; vdue[r] = due[r]; vsent[r] = sent[r]; vdig[r] = dig[r]; vknown[r] = known[r] }
inline back(r) { proc[r] = vproc[r]; ps[r] = vps[r]; prun[r] = vprun[r]; n[r] = vn[r]; written[r] = vwritten[r];
  ev[r] = vev[r]; rung[r] = vrung[r]; last[r] = vlast[r]; eff[r] = veff[r]; effd[r] = veffd[r]; due[r] = vdue[r]; sent[r] = vsent[r]; dig[r] = vdig[r]; known[r] = vknown[r]; ticket[r] = false }
#endif

#if NO_RUN
#define SAMERUN(r) true
#else
#define SAMERUN(r) (prun[r] == runid)
#endif
#if NO_VOID
#define CURRENT(r, t) ((t) <= proc[r] && (t) != 0 && SAMERUN(r))
#else
#define CURRENT(r, t) (proc[r] == (t) && SAMERUN(r))
#endif
#if LOCK && !NO_TIE
#define HELD(r) (proc[r] != 0 && SAMERUN(r) && !dead[ps[r]] && ticket[r])
#else
#define HELD(r) (proc[r] != 0 && SAMERUN(r) && !dead[ps[r]])
#endif
#if NO_DIGEST
#define OTHER(r, d) false
#else
#define OTHER(r, d) (known[r] && dig[r] != (d))
#endif
#if LOCK && !NO_FENCE
#define FENCE(r, t, s) (!dead[s] && lkR == (r) && lkT == (t) && ticket[r])
#elif !NO_FENCE
#define FENCE(r, t, s) (!dead[s])
#else
#define FENCE(r, t, s) true
#endif

inline decided(r, e) {
#if !NO_FIRST && !NO_CODE
  assert(ev[r] == 0);                                  /* one decision a request */
#endif
  ev[r] = e
}
inline drop(r, t) { if :: proc[r] == t -> ticket[r] = false :: else fi; if :: lkR == r && lkT == t -> lkR = 0; lkT = 0 :: else fi }

inline x_begin(r, t, s, d, res) {
  if
  :: dead[s] -> res = STALE
  :: else -> if
    :: OTHER(r, d) -> res = REUSED
    :: !OTHER(r, d) && ev[r] != 0 -> res = DECIDED
    :: !OTHER(r, d) && ev[r] == 0 && due[r] -> res = DUPLICATE
    :: !OTHER(r, d) && ev[r] == 0 && !due[r] && HELD(r) && proc[r] == t -> res = BEGUN
    :: !OTHER(r, d) && ev[r] == 0 && !due[r] && HELD(r) && proc[r] != t && ps[r] != s -> res = DUPLICATE
    :: !OTHER(r, d) && ev[r] == 0 && !due[r] && !(HELD(r) && (proc[r] == t || ps[r] != s)) -> if
#if !NO_ORDER
      :: t <= last[r] -> res = STALE                   /* given up, or overtaken, before it arrived */
      :: t > last[r] ->
#else
      :: true ->
#endif
         drop(r, proc[r]); known[r] = true; dig[r] = d; last[r] = t;
         proc[r] = t; ps[r] = s; prun[r] = runid; res = BEGUN;
#if LOCK
         ticket[r] = true; if :: lkR == 0 -> lkR = r; lkT = t :: else fi
#endif
      fi
    fi
  fi
}
inline x_apply(r, t, s, k, g, d, res) {
  if
  :: !NO_PROC && !CURRENT(r, t) -> res = STALE
  :: else -> if
    :: written[r] == k -> res = DONE
    :: written[r] != k && ((!NO_CODE && ev[r] != 0) || (!NO_N && n[r] != k) || !FENCE(r, t, s)) -> res = STALE
    :: written[r] != k && !(!NO_CODE && ev[r] != 0) && !(!NO_N && n[r] != k) && FENCE(r, t, s) -> if
      :: gen != g && !NO_GEN -> res = CONFLICT
      ::  (gen == g || NO_GEN) && CONFL && faults > 0 -> faults--; res = CONFLICT
      :: (gen == g || NO_GEN) ->
         assert(loc == SRC(r));                         /* nothing is written over what somebody else did */
         loc = DST(r, d); gen++; eff[r]++; effd[r] = d; written[r] = k; res = DONE;
         assert(eff[r] <= 1);                           /* one effect a request */
         assert(told[r] == 0 || HAPPENED(CODE(told[r]))); /* never after it was told that it did not happen */
         assert(!dead[s]);                              /* nothing is written after the lease */
#if !SPLIT
         decided(r, EVENT(t, APPLIED)); drop(r, t)
#endif
      fi
    fi
  fi
}
inline x_decide(r, t, s, o, res) {
  if
  :: !NO_DPROC && (!CURRENT(r, t) || dead[s]) -> res = STALE
  :: else -> if
    :: ev[r] != 0 && !NO_FIRST -> if :: ev[r] == EVENT(t, o) -> res = DONE :: else -> res = STALE fi
    :: !(ev[r] != 0 && !NO_FIRST) && !NO_TRUTH && HAPPENED(o) != (written[r] != 0) -> res = STALE
    :: !(ev[r] != 0 && !NO_FIRST) && (NO_TRUTH || HAPPENED(o) == (written[r] != 0)) ->
       decided(r, EVENT(t, o)); res = DONE; drop(r, t); assert(!dead[s])
    fi
  fi
}
inline x_close(r, t, k, res) {
  if
  :: BY_STATE && loc == DST(r, 0) -> res = DONE
  :: else -> if
    :: written[r] == k -> res = DONE
    :: written[r] != k && (!CURRENT(r, t) || ev[r] != 0) -> res = STALE
    :: written[r] != k && !(!CURRENT(r, t) || ev[r] != 0) -> n[r] = k + 1; res = CLOSED
    fi
  fi
}
inline x_aside(r, t, s, later) {
  if
  :: CURRENT(r, t) && !dead[s] && ev[r] == 0 -> drop(r, t); proc[r] = 0; due[r] = later; if :: later -> rung[r]++ :: else fi
  :: else -> drop(r, t)                                /* the ticket goes in any case */
  fi
}

#define WORKED(r) ((workR[0] == r && workT[0] == proc[r]) || (workR[1] == r && workT[1] == proc[r]))
inline freed() { if :: proc[1] != 0 && ps[1] == x -> drop(1, proc[1]) :: else fi; if :: proc[2] != 0 && ps[2] == x -> drop(2, proc[2]) :: else fi; x = 0 }
#if ROLLBACK
/* restored from the events journal: what was told, and its effect where the consumer stands where it was */
inline redo(r) {
  if
  :: told[r] != 0 && ev[r] == 0 -> ev[r] = told[r];
     if :: HAPPENED(CODE(told[r])) && eff[r] == 0 -> eff[r] = 1; loc = DST(r, 0); gen++; written[r] = n[r] :: else fi
  :: else
  fi
}
#endif

/* The network, time, the sweep, and everybody else. */
active proctype World() {
  byte x;
end: do
  :: atomic { aR != 0 -> if :: x_apply(aR, aT, aS, aN, aG, aD, netres) :: skip fi; aR = 0; aT = 0; aS = 0; aN = 0; aG = 0; aD = 0; netres = 0 }
  :: atomic { dR != 0 -> if :: x_decide(dR, dT, dS, dO, netres) :: skip fi; dR = 0; dT = 0; dS = 0; dO = 0; netres = 0 }
  :: atomic { bR != 0 -> if :: x_begin(bR, bT, bS, bD, netres) :: skip fi; bR = 0; bT = 0; bS = 0; bD = 0; netres = 0 }
  :: atomic { due[1] -> due[1] = false }
  :: atomic { due[2] -> due[2] = false }
  :: atomic { lad[1] > 0 && !due[1] -> lad[1]--; q[1]++ }    /* a copy that comes before it is due only goes round once more */
  :: atomic { lad[2] > 0 && !due[2] -> lad[2]--; q[2]++ }
     /* leases end: of the dead for certain, of the living when they freeze */
  :: atomic { LEASE && faults > 0 && workR[0] != 0 && !dead[sess[0]] -> faults--; dead[sess[0]] = true; x = sess[0]; freed() }
  :: atomic { LEASE && faults > 0 && workR[1] != 0 && !dead[sess[1]] -> faults--; dead[sess[1]] = true; x = sess[1]; freed() }
  :: atomic { proc[1] != 0 && ps[1] != sess[0] && ps[1] != sess[1] && !dead[ps[1]] -> x = ps[1]; dead[x] = true; freed() }
  :: atomic { proc[2] != 0 && ps[2] != sess[0] && ps[2] != sess[1] && !dead[ps[2]] -> x = ps[2]; dead[x] = true; freed() }
  :: atomic { bR != 0 && bS != sess[0] && bS != sess[1] && !dead[bS] -> dead[bS] = true }
  :: atomic { DUP && faults > 0 && hold[0] -> faults--; hold[0] = false; q[workR[0]]++ }
  :: atomic { DUP && faults > 0 && hold[1] -> faults--; hold[1] = false; q[workR[1]]++ }
#if LOCK
     /* deadlines of tickets: certain where nobody works on them, else a fault */
  :: atomic { ticket[1] && proc[1] != 0 && !WORKED(1) -> drop(1, proc[1]) }
  :: atomic { ticket[2] && proc[2] != 0 && !WORKED(2) -> drop(2, proc[2]) }
#if HOLD
  :: atomic { HOLD && faults > 0 && ticket[1] && WORKED(1) -> faults--; drop(1, proc[1]) }
  :: atomic { HOLD && faults > 0 && ticket[2] && WORKED(2) -> faults--; drop(2, proc[2]) }
#endif
#endif
#if SWEEP
  :: atomic { known[1] && !toldmark[1] && !due[1] && q[1] == 0 && lad[1] == 0 && workR[0] != 1 && workR[1] != 1 && (ev[1] != 0 || !HELD(1)) && qf == 0 -> if :: dig[1] -> qf++ :: else -> q[1]++ fi }
  :: atomic { known[2] && !toldmark[2] && !due[2] && q[2] == 0 && lad[2] == 0 && workR[0] != 2 && workR[1] != 2 && (ev[2] != 0 || !HELD(2)) -> q[2]++ }
#endif
#if RESTART
  :: atomic { restart > 0 -> restart--; runid++ }
#endif
#if ROLLBACK
  :: atomic { rollback > 0 && !saved -> save() }
  :: atomic { rollback > 0 && saved -> rollback--; runid++; loc = vloc; gen = vgen; back(1); back(2); lkR = 0; lkT = 0;
#if !NO_RESTORE
       redo(1); redo(2)
#endif
     }
#endif
#if FOREIGN
  :: atomic { foreign > 0 -> foreign--; gen++; if :: loc = 0 :: loc = 1 :: loc = 2 fi }
#endif
#if PAUSE
  :: atomic { pauses > 0 -> pauses--; if :: paused[0] = true :: paused[1] = true fi }
#endif
#if CANCEL
  :: atomic { cancel > 0 && known[1] && !HELD(1) && ev[1] == 0 -> cancel--; ev[1] = CANCELLED }
#endif
  od
}

/* a delivery that would be answered `duplicate` only goes round the 1 s queue: here it waits */
#define TAKES(r) (ev[r] != 0 || (!due[r] && !(HELD(r) && ps[r] != sess[w])))
inline tell(e) {
  assert(told[r] == 0 || told[r] == (e));              /* one event a request, however often */
  told[r] = e;
  if
  :: HAPPENED(CODE(told[r])) -> assert(eff[r] == 1); assert(effd[r] == d)
  :: else -> assert(eff[r] == 0)
  fi
}
#define MAYDIE if :: atomic { CRASH && faults > 0 -> faults--; goto die } :: true fi
#define NEWSESSION sessions++; sess[w] = sessions

active [2] proctype Worker() {
  byte w, r, t, g, l, k, o, a, tries; bool d, wait, had;
  w = _pid - 1;
  atomic { NEWSESSION };
end: do
  :: atomic { !paused[w] && q[1] > 0 && TAKES(1) -> q[1]--; r = 1; hold[w] = true; workR[w] = 1 }; goto begin
  :: atomic { REQS == 2 && !paused[w] && q[2] > 0 && TAKES(2) -> q[2]--; r = 2; hold[w] = true; workR[w] = 2 }; goto begin
#if FORGED
  :: atomic { !paused[w] && qf > 0 && (OTHER(1, 1) || TAKES(1)) -> qf--; r = 1; d = true; hold[w] = true; workR[w] = 1 }; goto begin
#endif
  od;

begin:
  atomic { if :: dead[sess[w]] -> NEWSESSION :: else fi;
    if :: ev[r] == 0 -> tokens[r]++; assert(tokens[r] < 15); t = tokens[r] :: else fi; workT[w] = t };
again: if
  :: atomic { x_begin(r, t, sess[w], d, a) }
  :: atomic { LOST && faults > 0 -> faults--; x_begin(r, t, sess[w], d, a); a = UNCLEAR }
  :: atomic { LATE && faults > 0 && bR == 0 -> faults--; bR = r; bT = t; bS = sess[w]; bD = d; a = UNCLEAR }
  fi;
  if
  :: atomic { a == UNCLEAR -> a = 0 }; if :: goto again :: NO_GIVEUP -> t = 0; goto giveup :: !NO_GIVEUP -> goto giveup fi   /* the same token again, or no answer at all */
  :: a == DECIDED -> goto redecided
  :: a == BEGUN
  :: a == STALE || a == DUPLICATE -> goto giveup
  :: a == REUSED -> goto ack                           /* answers the message, not the id */
  fi;
  MAYDIE;
#if LOCK
  if
  :: atomic { lkR == r && lkT == t }
  :: atomic { lkR == 0 && CURRENT(r, t) && ticket[r] && !dead[sess[w]] -> lkR = r; lkT = t }
  :: atomic { !(ticket[r] && CURRENT(r, t)) || dead[sess[w]] }; goto giveup  /* lost while waiting */
  fi;
#endif
#if ONCE && !NO_INTENT
  if
  :: atomic { r == ONCE && sent[r] && written[r] == 0 && CURRENT(r, t) }; o = EXHAUSTED; goto decide   /* begin closed the door of the earlier send */
  :: else
  fi;
#endif
plan:
  atomic { g = gen; l = loc; k = n[r]; a = 0; had = false };
  if
  :: l != SRC(r) -> o = REFUSED; goto decide
  :: l == SRC(r) -> if :: true :: o = REFUSED; goto decide fi                /* room is there, or not */
  fi;
#if ONCE && !NO_INTENT
  atomic { if :: r == ONCE && (!CURRENT(r, t) || dead[sess[w]]) -> a = STALE :: r == ONCE && CURRENT(r, t) && !dead[sess[w]] -> sent[r] = true :: r != ONCE fi };
  if :: a == STALE -> goto giveup :: else fi;
#endif
send:
  MAYDIE;
  atomic { if :: r == ONCE -> sends[r]++; assert(sends[r] <= 1) :: r != ONCE fi };   /* idempotent:false is never sent again */
  if
  :: atomic { x_apply(r, t, sess[w], k, g, d, a) }
  :: atomic { LOST && faults > 0 -> faults--; x_apply(r, t, sess[w], k, g, d, a); a = UNCLEAR }
  :: atomic { LATE && faults > 0 && aR == 0 -> faults--; aR = r; aT = t; aS = sess[w]; aN = k; aG = g; aD = d; a = UNCLEAR }
  fi;
  if
  :: a == DONE -> goto written_
  :: a == STALE -> goto giveup
  :: atomic { a == CONFLICT -> if :: r == ONCE -> sends[r]-- :: else fi }     /* it is known that nothing happened */
  :: atomic { a == UNCLEAR && r != ONCE -> had = true; a = 0 }; goto send
  :: a == UNCLEAR -> had = true
  fi;
  /* close the door */
  o = a;
#if NO_CLOSE
  if :: o == CONFLICT -> goto plan :: else -> o = EXHAUSTED; goto ladder fi;
#endif
close: if
  :: atomic { x_close(r, t, k, a) }
  :: atomic { LOST && faults > 0 -> faults--; x_close(r, t, k, a) }; goto close
  :: atomic { LOST && faults > 0 -> faults-- }; goto giveup
  fi;
  if
  :: a == DONE -> o = FOUND; goto decide             /* its own decision stands already, so this one is refused: stop */
  :: a == STALE -> goto giveup
  :: a == CLOSED -> if
    :: o == CONFLICT -> atomic { sent[r] = false; o = 0 }; if :: tries == 0 -> tries++; goto plan :: o = EXHAUSTED; goto ladder fi
    :: o != CONFLICT && r == ONCE -> o = EXHAUSTED; goto decide
    :: o != CONFLICT && r != ONCE -> goto ladder
    fi
  fi;
written_:
#if SPLIT
  o = APPLIED; goto decide
#else
  o = APPLIED; goto mine                               /* it tells the decision that it sent along */
#endif
ladder:
  if :: rung[r] >= RUNGS -> o = EXHAUSTED; goto decide :: else fi;
  atomic { x_aside(r, t, sess[w], true) };
  MAYDIE;
  atomic { if :: hold[w] && !d -> lad[r]++; hold[w] = false :: hold[w] && d -> qf++; hold[w] = false :: else fi }; goto next;
decide:
  MAYDIE;
#if TELL_FIRST
  atomic { tell(EVENT(t, o)) };
  MAYDIE;
#endif
#if ACK_FIRST
  hold[w] = false;
#endif
resend: if
  :: atomic { x_decide(r, t, sess[w], o, a) }
  :: atomic { LOST && faults > 0 -> faults--; x_decide(r, t, sess[w], o, a) }; if :: goto resend :: goto giveup fi
  :: atomic { LATE && faults > 0 && dR == 0 -> faults--; dR = r; dT = t; dS = sess[w]; dO = o }; if :: goto resend :: goto giveup fi
  fi;
  if :: a == DONE -> goto mine :: a == STALE -> goto giveup fi;
mine:
  MAYDIE;
#if ROLLBACK && !NO_WAIT
  atomic { if :: ev[r] == EVENT(t, o) -> save(); tell(EVENT(t, o)); l = 0 :: else -> l = 9 fi };
  if :: l == 9 -> goto giveup :: else fi;
#else
  atomic { tell(EVENT(t, o)) };
#endif
  goto settle;
redecided:
  MAYDIE;
#if ACK_FIRST
  hold[w] = false;
  MAYDIE;
#endif
#if ROLLBACK && !NO_WAIT
  atomic { if :: ev[r] != 0 -> save(); tell(ev[r]); l = 0 :: else -> l = 9 fi };
  if :: l == 9 -> goto giveup :: else fi;
#else
  atomic { tell(ev[r]) };
#endif
settle:
  MAYDIE;
  hold[w] = false;
  MAYDIE;                                              /* acknowledged, not yet noted as told: the sweep tells it again */
  atomic { if :: ev[r] != 0 -> toldmark[r] = true :: else fi };
  goto next;
ack: atomic { hold[w] = false; goto next };
die: atomic { if :: hold[w] && !d -> q[r]++ :: hold[w] && d -> qf++ :: else fi; hold[w] = false; NEWSESSION; goto next };
giveup: atomic { if :: t != 0 -> x_aside(r, t, sess[w], false) :: else fi; if :: hold[w] && !d -> q[r]++ :: hold[w] && d -> qf++ :: else fi; hold[w] = false };
next: atomic { workR[w] = 0; workT[w] = 0; r = 0; t = 0; g = 0; l = 0; k = 0; o = 0; a = 0; tries = 0; d = false; had = false }; goto end
}

init {
  atomic { q[1] = 1; if :: REQS == 2 -> q[2] = 1 :: else fi;
#if FORGED
    qf = 1;
#endif
  }
  timeout ->                                           /* nothing can move any more: everything must be done and told */
  assert(told[1] != 0 && ev[1] == told[1]);
  assert(REQS == 1 || (told[2] != 0 && ev[2] == told[2]));
#if SWEEP                                              /* alone it notes what was acknowledged by a worker that then died */
  assert(toldmark[1] && (REQS == 1 || toldmark[2]));
#endif
  assert(q[1] == 0 && q[2] == 0 && qf == 0 && lad[1] == 0 && lad[2] == 0);
  assert(lkR == 0);
  assert(HAPPENED(CODE(told[1])) == (eff[1] == 1));
  assert(REQS == 1 || HAPPENED(CODE(told[2])) == (eff[2] == 1))
}
