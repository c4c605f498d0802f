/* The ticket lock of Ferryman: three requests, two processes, two or three resources, and a world that ends leases, loses
   notices and answers, delivers late, and restarts Redis with an older state. One `atomic` is one script. README.md explains it.
   Every switch below removes one rule; with all at 0 the model must have no error. */

/* ---- bounds: which faults may happen, and how many of them (any mixture) in one run ---- */
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef LEASE        /* a process dies, stands still or is cut off: it trusts its lease no longer, and then the lease ends */
#define LEASE 1
#endif
#ifndef LATE         /* a take or a write stays in the network and runs later, or never */
#define LATE 1
#endif
#ifndef LOST         /* a script runs, and its answer is lost */
#define LOST 1
#endif
#ifndef NOTICE       /* a notice is lost */
#define NOTICE 1
#endif
#ifndef WAITOUT      /* the time to wait is over */
#define WAITOUT 1
#endif
#ifndef HOLD         /* the longest time to hold is over */
#define HOLD 1
#endif
#ifndef RESTART      /* Redis restarts with its data */
#define RESTART 0
#endif
#ifndef ROLLBACK     /* Redis restarts with an older state */
#define ROLLBACK 0
#endif
#ifndef STEP         /* the clock of Redis steps ahead: every lease is over at once, and its process does not know */
#define STEP 0
#endif
#ifndef CHANGE       /* request 1 changes from its resources to these (the lock of its next candidate); 0: it does not */
#define CHANGE 0
#endif
#ifndef BELIEFS      /* asserted that no two processes trust locks on one resource */
#define BELIEFS 1
#endif
#ifndef M1           /* resources of each request: 1 = A, 2 = B, 4 = C */
#define M1 3
#endif
#ifndef M2
#define M2 1
#endif
#ifndef M3
#define M3 2
#endif
#ifndef JOBS
#define JOBS 3
#endif
#ifndef NT           /* ticket numbers, one more than are ever given: 8 or 11 */
#define NT 8
#endif
#ifndef NS           /* sessions, one more than are ever opened */
#define NS 6
#endif

/* ---- rules removed ---- */
#ifndef NO_HANDOVER  /* what gives a ticket up does not move its queues on */
#define NO_HANDOVER 0
#endif
#ifndef NO_POKE      /* who waits never asks */
#define NO_POKE 0
#endif
#ifndef NO_GRACE     /* after a restart it is granted at once */
#define NO_GRACE 0
#endif
#ifndef NO_SESSION   /* a waiter is granted without a look at its session */
#define NO_SESSION 0
#endif
#ifndef NO_FENCE     /* a write checks neither ticket nor lease */
#define NO_FENCE 0
#endif
#ifndef NO_RUN       /* a write that was begun before a restart is carried out after it */
#define NO_RUN 0
#endif
#ifndef NO_TRUST     /* a process does not compare the time before it writes */
#define NO_TRUST 0
#endif
#ifndef NO_DEADLINE  /* tickets do not end by themselves */
#define NO_DEADLINE 0
#endif
#ifndef NO_NUMBER    /* granted where no holder is in the way, whoever came first */
#define NO_NUMBER 0
#endif
#ifndef NO_DROP      /* the sweep forgets a dead session and leaves its tickets */
#define NO_DROP 0
#endif
#ifndef NO_KEY       /* a second send takes a second ticket */
#define NO_KEY 0
#endif
#ifndef NO_CLOCK     /* numbers are counted only, not drawn from the clock */
#define NO_CLOCK 0
#endif
#ifndef NO_VERIFY    /* after a reconnect held tickets are not asked for */
#define NO_VERIFY 0
#endif
#ifndef NO_RECALL    /* a grant of before the reconnect, of which the process only now makes use, is trusted without asking */
#define NO_RECALL 0
#endif
#ifndef NO_INSTEAD   /* a change whose ticket to give up is gone takes a new one all the same */
#define NO_INSTEAD 0
#endif
#ifndef NO_OTHERS    /* only the first resource of a ticket that is given up moves on */
#define NO_OTHERS 0
#endif

#define WAITING 1
#define GRANTED 2
#define LIVE 1
#define ENDED 2      /* its lease is over, and nobody has swept yet */
#define GONE 3

/* ---- Redis ---- */
byte st[NT], ts[NT], tk[NT], tm[NT];   /* tickets: state, session, key, resources */
byte seq, sst[NS];                     /* last number, sessions */
bool grace, runid;
/* ---- what was kept when Redis comes back older ---- */
byte vst[NT], vts[NT], vtk[NT], vtm[NT], vseq, vsst[NS];
bool saved;
/* ---- the network ---- */
short ng, nl;                          /* notices under way, by ticket: granted, lost */
byte aS, aK, aM, aI;                   /* a late take: session, key, resources, the ticket it gives up */
byte wT, wS, wM;                       /* a late write: ticket, session, resources */
bool wR;                               /* and the run of Redis under which it was begun */
/* ---- processes ---- */
byte cur[3], sessions;                 /* the session of each process; sessions opened so far */
bool trust[NS], old[NS];               /* its process trusts it; trusted by heartbeats of before a restart */
byte at[4], as[4];                     /* the ticket each request waits for or holds, and of which session */
byte bel[4];                           /* the resources that it believes to hold */
bool over[4], gap[4], done[4];         /* its hold time is over; it is to ask after a reconnect; it has had its turn */
/* ---- bookkeeping of the proof ---- */
byte top, wrote[5];                    /* highest number ever given; highest ticket that wrote each resource */
byte faults = FAULTS, restart = RESTART, rollback = ROLLBACK, steps = STEP;
hidden byte f, pr, ph, i, x;

#define MASK(j) ((j) == 1 -> M1 : ((j) == 2 -> M2 : M3))
#define PROCESS(j) ((j) == 1 -> 1 : 2)
#define KEY(j, n) ((j) * 32 + (n))
#define ALIVE(s) (sst[s] == LIVE)
#define VALID(j) (bel[j] && !over[j] && trust[as[j]])
#define ORPHAN(t) (!(at[1] == t && !over[1] && trust[as[1]]) && !(at[2] == t && !over[2] && trust[as[2]]) && !(at[3] == t && !over[3] && trust[as[3]]))
#if NO_NUMBER
#define BLOCKS(u, t) (u != t && st[u] == GRANTED && (tm[u] & tm[t]))
#else
#define BLOCKS(u, t) (u < t && st[u] != 0 && (tm[u] & tm[t]))
#endif
#define FREE(t) (!ANY(BLOCKS, t))
#define CLASH(u, t) (u != t && st[u] == GRANTED && (tm[u] & tm[t]))
#define OLDER(u, t) (u < t && st[u] == WAITING && ALIVE(ts[u]) && (tm[u] & tm[t]))
#if NT > 8
#define MORE(P, t) || P(8, t) || P(9, t) || P(10, t)
#else
#define MORE(P, t)
#endif
#define ANY(P, t) (P(1, t) || P(2, t) || P(3, t) || P(4, t) || P(5, t) || P(6, t) || P(7, t) MORE(P, t))
#define DEADLEFT (sst[1] == ENDED || sst[2] == ENDED || sst[3] == ENDED || sst[4] == ENDED || sst[5] == ENDED)
#define ANYTRUSTED ((cur[1] != 0 && ALIVE(cur[1])) || (cur[2] != 0 && ALIVE(cur[2])))
#define OLDTRUST ((old[1] && trust[1]) || (old[2] && trust[2]) || (old[3] && trust[3]) || (old[4] && trust[4]) || (old[5] && trust[5]))
#define ASKING ((gap[1] && VALID(1)) || (gap[2] && VALID(2)) || (gap[3] && VALID(3)))
#define BIT(t) (1 << (t))
#define WATCHED(t) (at[1] == t || at[2] == t || at[3] == t)

inline drop(t) { f = f | (NO_OTHERS -> (tm[t] & (~tm[t] + 1)) : tm[t]); st[t] = 0; ts[t] = 0; tk[t] = 0; tm[t] = 0 }

inline granted(t) {
  st[t] = GRANTED;
  assert(!ANY(CLASH, t));                              /* one holder a resource */
  assert(!ANY(OLDER, t))                               /* first come first served */
}

/* Moves the queues of the resources `f` on; dead waiters go, and their other queues move on too. */
inline promote() {
  do
  :: f != 0 ->
     pr = f & (~f + 1); f = f & ~pr; ph = 1;
     do :: ph < NT && !(st[ph] != 0 && (tm[ph] & pr) && (!NO_NUMBER || st[ph] == WAITING)) -> ph++ :: else -> break od;
     if
     :: ph < NT && st[ph] == WAITING -> if
        :: !ALIVE(ts[ph]) && !NO_SESSION -> drop(ph)
        :: !(!ALIVE(ts[ph]) && !NO_SESSION) && FREE(ph) && !grace -> granted(ph); if :: WATCHED(ph) -> ng = ng | BIT(ph) :: else fi
        :: else
        fi
     :: else
     fi
  :: else -> break
  od;
  pr = 0; ph = 0
}
inline handover() { if :: NO_HANDOVER -> f = 0 :: else -> promote() fi }

inline x_sweep() {
  x = 1;
  do
  :: x < NS -> if
     :: sst[x] == ENDED -> sst[x] = GONE; i = 1;
        do :: i < NT -> if :: st[i] != 0 && ts[i] == x && !NO_DROP -> drop(i) :: else fi; i++ :: else -> break od
     :: else
     fi; x++
  :: else -> break
  od;
  x = 0; i = 0; handover()
}

/* res: the ticket, or 0 where the session is over */
inline x_take(s, k, m, instead, res) {
  if
  :: !ALIVE(s) -> res = 0
  :: else ->
     res = 0; i = 1;
     do :: i < NT -> if :: st[i] != 0 && tk[i] == k && ts[i] == s && !NO_KEY -> res = i :: else fi; i++ :: else -> break od;
     if
     :: instead != 0 && (st[instead] == 0 || ts[instead] != s) && !NO_INSTEAD   /* a second send, or a late one */
     :: else ->
        if :: instead != 0 && st[instead] != 0 && ts[instead] == s -> drop(instead) :: else fi;
        if
        :: res == 0 ->
           res = (NO_CLOCK -> seq + 1 : top + 1); seq = res; assert(res < NT);
           assert(res > top); top = res;               /* tokens only rise */
           st[res] = WAITING; ts[res] = s; tk[res] = k; tm[res] = m;
           if :: FREE(res) && !grace -> granted(res) :: else fi
        :: else
        fi;
        handover()
     fi;
     i = 0
  fi
}
inline x_poke(s, t) { x_sweep(); if :: st[t] != 0 && ts[t] == s -> f = tm[t]; promote() :: else fi }
inline x_release(s, t) { if :: st[t] != 0 && ts[t] == s -> drop(t); handover() :: else fi }
/* Gives a take up by its key, whatever became of it. */
inline x_giveup(s, k) { i = 1; do :: i < NT -> if :: st[i] != 0 && tk[i] == k && ts[i] == s -> drop(i) :: else fi; i++ :: else -> break od; i = 0; handover() }
inline wrote_(t, m, r) { if :: m & r -> assert(t >= wrote[r]); wrote[r] = t :: else fi }
inline x_write(s, t, m, u) {
  if
  :: !NO_RUN && u != runid
  :: (NO_RUN || u == runid) && (NO_FENCE || (st[t] == GRANTED && ts[t] == s && ALIVE(s))) ->
     i = 1;                                            /* nobody else holds what is written */
     do :: i < NT -> assert(!(i != t && st[i] == GRANTED && (tm[i] & m))); i++ :: else -> break od; i = 0;
     wrote_(t, m, 1); wrote_(t, m, 2); wrote_(t, m, 4) /* nor is an older ticket's write carried out after a newer one's */
  :: else
  fi
}
inline open(p) { sessions++; assert(sessions < NS); sst[sessions] = LIVE; trust[sessions] = true; cur[p] = sessions; x_sweep() }
inline lose(p) { trust[cur[p]] = false; old[cur[p]] = false; cur[p] = 0 }
inline asks() { gap[1] = (at[1] != 0); gap[2] = (at[2] != 0); gap[3] = (at[3] != 0) }

#if ROLLBACK
inline save() {
  saved = true; vseq = seq; i = 1;
  do :: i < NT -> vst[i] = st[i]; vts[i] = ts[i]; vtk[i] = tk[i]; vtm[i] = tm[i]; i++ :: else -> break od; i = 1;
  do :: i < NS -> vsst[i] = sst[i]; i++ :: else -> break od; i = 0
}
inline back() {
  seq = vseq; vseq = 0; i = 1;
  do :: i < NT -> st[i] = vst[i]; ts[i] = vts[i]; tk[i] = vtk[i]; tm[i] = vtm[i];
        vst[i] = 0; vts[i] = 0; vtk[i] = 0; vtm[i] = 0; i++ :: else -> break od; i = 1;
  do :: i < NS -> sst[i] = vsst[i]; vsst[i] = 0; old[i] = trust[i]; i++ :: else -> break od; i = 0
}
#endif

inline close(s) { sst[s] = GONE; i = 1; do :: i < NT -> if :: st[i] != 0 && ts[i] == s -> drop(i) :: else fi; i++ :: else -> break od; i = 0; handover() }
#define LEASEEND(s) :: atomic { sst[s] == LIVE && (!trust[s] || old[s]) -> if :: sst[s] = ENDED :: !trust[s] -> d_step { close(s) } fi }
#define DEADLINE(t) :: atomic { st[t] != 0 && ORPHAN(t) && ANYTRUSTED -> d_step { drop(t); if :: WATCHED(t) -> nl = nl | BIT(t) :: else fi; handover() } }

/* Time, the network, heartbeats, and Redis itself. */
active proctype World() {
  byte n, res;
end: do
     /* a process opens another session when its own was lost; heartbeats sweep */
  :: atomic { sessions == 0 -> d_step { open(1); open(2) } }
  :: atomic { sessions != 0 && cur[1] == 0 -> d_step { open(1) } }
  :: atomic { sessions != 0 && cur[2] == 0 -> d_step { open(2) } }
  :: atomic { DEADLEFT && ANYTRUSTED -> d_step { x_sweep() } }
  :: atomic { LEASE && faults > 0 && cur[1] != 0 -> faults--; lose(1) }
  :: atomic { LEASE && faults > 0 && cur[2] != 0 -> faults--; lose(2) }
     /* the lease of who trusts it no longer ends; or he closes it */
     LEASEEND(1) LEASEEND(2) LEASEEND(3) LEASEEND(4) LEASEEND(5)
  :: atomic { aK != 0 -> if :: d_step { x_take(aS, aK, aM, aI, res) } :: skip fi; aS = 0; aK = 0; aM = 0; aI = 0; res = 0 }
  :: atomic { wT != 0 -> if :: d_step { x_write(wS, wT, wM, wR) } :: skip fi; wT = 0; wS = 0; wM = 0; wR = false }
  :: atomic { NOTICE && faults > 0 && (ng != 0 || nl != 0) -> faults--; ng = 0; nl = 0 }
  :: atomic { HOLD && faults > 0 && VALID(1) -> faults--; over[1] = true }
  :: atomic { HOLD && faults > 0 && VALID(2) -> faults--; over[2] = true }
#if !NO_DEADLINE
     /* deadlines of tickets: later than those by which their own process gives them up */
     DEADLINE(1) DEADLINE(2) DEADLINE(3) DEADLINE(4) DEADLINE(5) DEADLINE(6) DEADLINE(7)
#if NT > 8
     DEADLINE(8) DEADLINE(9) DEADLINE(10)
#endif
#endif
#if RESTART
  :: atomic { restart > 0 -> restart--; runid = !runid; grace = !NO_GRACE; asks() }
#endif
#if ROLLBACK
  :: atomic { rollback > 0 && !saved -> d_step { save() } }
  :: atomic { rollback > 0 && saved -> rollback--; saved = false; runid = !runid; grace = !NO_GRACE; d_step { back(); asks(); ng = 0; nl = 0 } }
     /* the next heartbeat of a session that lives through it */
  :: atomic { cur[1] != 0 && old[cur[1]] -> if :: ALIVE(cur[1]) -> old[cur[1]] = false :: else -> lose(1) fi }
  :: atomic { cur[2] != 0 && old[cur[2]] -> if :: ALIVE(cur[2]) -> old[cur[2]] = false :: else -> lose(2) fi }
#endif
#if RESTART || ROLLBACK
     /* longer than a lease, and than asking takes */
  :: atomic { grace && !OLDTRUST && !ASKING -> grace = false }
#endif
#if STEP
  :: atomic { steps > 0 -> steps--; n = 1; do :: n < NS -> if :: sst[n] == LIVE -> sst[n] = ENDED :: else fi; n++ :: else -> break od; n = 0 }
     /* its next heartbeat tells it */
  :: atomic { cur[1] != 0 && !ALIVE(cur[1]) -> lose(1) }
  :: atomic { cur[2] != 0 && !ALIVE(cur[2]) -> lose(2) }
#endif
  od
}

/* an answer would tell it something, or its asking would move something */
#define WORTHASKING (st[t] != WAITING || ts[t] != s || DEADLEFT || (FREE(t) && !grace) || gap[j])
#define THERE (st[t] != 0 && ts[t] == s)
#define NOTRUST (!trust[s])
inline leave() { ng = ng & ~BIT(t); nl = nl & ~BIT(t); at[j] = 0; as[j] = 0; bel[j] = 0; over[j] = false; gap[j] = false }

active [JOBS] proctype Request() {
  byte j, s, t, n, m, a, instead; bool known, rn;
  j = _pid;
begin:
  atomic { cur[PROCESS(j)] != 0 -> s = cur[PROCESS(j)]; n++; m = MASK(j); instead = 0; rn = runid };
take:
  if
  :: atomic { d_step { x_take(s, KEY(j, n), m, instead, a); at[j] = a; as[j] = s }; goto taken }
  :: atomic { LOST && faults > 0 -> faults--; d_step { x_take(s, KEY(j, n), m, instead, a); at[j] = a; as[j] = s; a = 0 } }
  :: atomic { LATE && faults > 0 && aK == 0 -> faults--; aS = s; aK = KEY(j, n); aM = m; aI = instead }
  fi;
  if
  :: goto take                                         /* the same key again */
  :: atomic { d_step { x_giveup(s, KEY(j, n)) }; leave(); t = 0; goto begin }
  fi;
taken:
  atomic { if
    :: a == 0 -> leave(); t = 0; if :: cur[PROCESS(j)] == s -> lose(PROCESS(j)) :: else fi; goto begin
    :: else -> t = a; a = 0; instead = 0; known = (st[t] == GRANTED && ts[t] == s)
    fi };
  if :: known -> known = false; goto hold :: else fi;
wait: if
  :: atomic { (ng & BIT(t)) && trust[s] -> ng = ng & ~BIT(t); assert(THERE || ROLLBACK || STEP) }
  :: atomic { nl & BIT(t) -> nl = nl & ~BIT(t); leave(); t = 0; goto begin }
#if !NO_POKE
  :: atomic { WORTHASKING && trust[s] -> gap[j] = false; d_step { x_poke(s, t) };
       if :: !THERE -> leave(); t = 0; goto begin :: THERE && st[t] == GRANTED :: THERE && st[t] == WAITING -> goto wait fi }
#endif
  :: atomic { NOTRUST -> leave(); t = 0; goto begin }
  :: atomic { WAITOUT && faults > 0 -> faults--; d_step { x_poke(s, t) }; if :: THERE && st[t] == GRANTED :: else -> d_step { x_release(s, t) }; leave(); t = 0; goto begin fi }
  fi;
hold:
  atomic { if
    :: NOTRUST -> leave(); t = 0; goto begin
#if (ROLLBACK || RESTART) && !NO_RECALL
    :: trust[s] && gap[j] -> gap[j] = false; d_step { x_poke(s, t) };
       if :: !THERE -> leave(); t = 0; goto begin :: THERE && st[t] == WAITING -> goto wait :: THERE && st[t] == GRANTED -> goto hold fi
    :: trust[s] && !gap[j] -> bel[j] = m;
#else
    :: else -> bel[j] = m;
#endif
       /* no two processes trust locks on one resource */
#if BELIEFS
       x = 1; do :: x <= JOBS -> assert(x == j || !VALID(x) || !(bel[x] & m)); x++ :: else -> break od; x = 0
#endif
    fi };
write: if
#if ROLLBACK || RESTART
  :: atomic { gap[j] && VALID(j) -> gap[j] = false;
#if !NO_VERIFY
       d_step { x_poke(s, t) }; if :: THERE && st[t] == GRANTED :: else -> leave(); t = 0; goto begin fi
#endif
     }; goto write
#endif
  :: atomic { VALID(j) || NO_TRUST -> if
       :: d_step { x_write(s, t, m, rn) }
       :: LATE && faults > 0 && wT == 0 -> faults--; wT = t; wS = s; wM = m; wR = rn
       fi }
  :: atomic { nl & BIT(t) -> nl = nl & ~BIT(t); leave(); t = 0; goto begin }
  :: atomic { !VALID(j) && !NO_TRUST -> leave(); d_step { x_release(s, t) }; t = 0; goto begin }
  fi;
#if CHANGE
  atomic { if :: j == 1 && m != CHANGE && VALID(j) -> instead = t; n++; m = CHANGE; bel[j] = 0 :: else fi };
  if :: instead != 0 -> goto take :: else fi;
#endif
  /* answered or not: it gives the ticket up */
  if
  :: atomic { leave(); d_step { x_release(s, t) }; t = 0 }
  :: atomic { LOST && faults > 0 -> faults--; leave(); t = 0 }    /* given up for good before it was asked for */
  fi;
  done[j] = true; rn = false; s = 0; n = 0; m = 0
}

init {
  timeout ->                                           /* nothing can move any more: everybody has had its turn */
  assert(done[1] && (JOBS < 2 || done[2]) && (JOBS < 3 || done[3]));
  i = 1; do :: i < NT -> assert(st[i] == 0); i++ :: else -> break od;
  assert(!grace && aK == 0 && wT == 0)
}
