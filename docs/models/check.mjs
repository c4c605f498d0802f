// Runs Spin over every configuration of the models: the full rules must hold, and each rule removed must break something.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const here = import.meta.dirname

// [model, flags, what it is, expected]. `holds`: no error. `breaks`: an error must be found. `spare`: none is found, and README says why.
const CONFIGURATIONS = [
  ['journal', 'FAULTS=1', 'two requests, one after the other', 'holds'],
  ['journal', 'FAULTS=1 SRC2=0', 'two requests that compete', 'holds'],
  ['journal', 'FAULTS=1 LOCK=0', 'two requests without the lock', 'holds'],
  ['journal', 'FAULTS=1 LOCK=0 SRC2=0', 'two that compete without the lock', 'holds'],
  ['journal', 'REQS=1 FAULTS=2', 'one request, two faults', 'holds'],
  ['journal', 'REQS=1 FAULTS=2 LOCK=0', 'one request, two faults, without the lock', 'holds'],
  ['journal', 'REQS=1 FAULTS=2 SWEEP=0', 'the same without the sweep', 'holds'],
  ['journal', 'REQS=1 FAULTS=1 FOREIGN=1 LOCK=0', 'a foreign writer, without the lock', 'holds'],
  ['journal', 'REQS=1 FAULTS=1 RESTART=1 FOREIGN=1', 'Redis restarts, its data kept; a foreign writer', 'holds'],
  ['journal', 'REQS=1 FAULTS=1 ROLLBACK=1', 'Redis comes back older; what was told is restored', 'holds'],
  ['journal', 'REQS=1 FAULTS=2 ROLLBACK=1 LOCK=0 DUP=0 CONFL=0 LEASE=0', 'the same with late scripts, lost answers, deaths', 'holds'],
  ['journal', 'REQS=1 FAULTS=2 CANCEL=1', 'a cancel', 'holds'],
  ['journal', 'REQS=1 FAULTS=2 ONCE=1', 'idempotent:false', 'holds'],
  ['journal', 'REQS=1 FAULTS=1 FORGED=1', 'the same id with another content', 'holds'],
  ['journal', 'REQS=1 FAULTS=2 PAUSE=1', 'a worker that stops consuming and lives on', 'holds'],
  ['journal', 'REQS=1 FAULTS=2 HOLD=1', 'a ticket that ends while its worker works', 'holds'],

  ['journal', 'REQS=1 FAULTS=2 NO_CODE=1 LOCK=0', 'apply does not look at the decision', 'spare'],
  ['journal', 'REQS=1 FAULTS=2 NO_N=1 LOCK=0', 'apply does not check the attempt number', 'spare'],
  ['journal', 'REQS=1 FAULTS=2 NO_CLOSE=1 LOCK=0', 'a refused or unclear send is not closed', 'spare'],
  ['journal', 'REQS=1 FAULTS=2 NO_CODE=1 NO_N=1 LOCK=0', 'apply checks neither decision nor number', 'breaks'],
  ['journal', 'REQS=1 FAULTS=2 NO_CODE=1 NO_CLOSE=1 LOCK=0', 'not closed, and apply does not look at the decision', 'breaks'],
  ['journal', 'REQS=1 FAULTS=3 NO_PROC=1 LOCK=0 DUP=0 CONFL=0 LEASE=0', 'apply does not check the processing', 'breaks'],
  ['journal', 'REQS=1 FAULTS=2 NO_FENCE=1', 'apply checks neither ticket nor lease', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 NO_GEN=1 FOREIGN=1', 'apply does not compare generations', 'breaks'],
  ['journal', 'REQS=1 FAULTS=2 NO_DPROC=1', 'decide checks neither processing nor lease', 'breaks'],
  ['journal', 'REQS=1 FAULTS=2 NO_FIRST=1 CRASH=0 CONFL=0 LEASE=0', 'decide overwrites a decision', 'breaks'],
  ['journal', 'REQS=1 FAULTS=3 NO_VOID=1 LOCK=0 DUP=0 CONFL=0 LEASE=0', 'begin does not void the processing before it', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 NO_RUN=1 RESTART=1', 'processings not bound to the run id', 'spare'],
  ['journal', 'REQS=1 FAULTS=2 NO_RUN=1 ROLLBACK=1 LOCK=0 DUP=0 CONFL=0 LEASE=0', 'the same where Redis comes back older', 'spare'],
  ['journal', 'REQS=1 FAULTS=1 BY_STATE=1 NO_TRUTH=1 FOREIGN=1', 'credited by the state found, not by `written`', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 TELL_FIRST=1', 'told before the decision is written', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 ACK_FIRST=1 SWEEP=0', 'acknowledged before it is told, no sweep', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 ACK_FIRST=1', 'the same with the sweep', 'spare'],
  ['journal', 'REQS=1 FAULTS=1 NO_DIGEST=1 FORGED=1', 'the content is not compared', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 SPLIT=1', 'decision in a script of its own, and begin does not answer `written`', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 ROLLBACK=1 NO_WAIT=1', 'told what may yet be rolled back', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 ROLLBACK=1 NO_RESTORE=1', 'nothing is restored after Redis came back older', 'spare'],

  ['journal', 'REQS=1 FAULTS=1 PAUSE=1 NO_TIE=1', 'mend 1 left out: a processing outlives its ticket', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 PAUSE=1 NO_TIE=1 NO_GIVEUP=1 LATE=0', 'mends 1 and 6 left out: only an answer is lost', 'breaks'],
  ['journal', 'REQS=1 FAULTS=2 NO_ORDER=1', 'mend 2 left out: an old token may begin again', 'spare'],
  ['journal', 'REQS=1 FAULTS=2 ROLLBACK=1 LOCK=0 NO_TRUTH=1 DUP=0 CONFL=0 LEASE=0', 'mend 3 left out: decide does not look at `written`', 'breaks'],
  ['journal', 'REQS=1 FAULTS=1 ONCE=1 NO_INTENT=1', 'mend 4 left out: the one send is not noted', 'breaks'],
  ['locks', 'FAULTS=1', 'AB, A and B of two processes', 'holds'],
  ['locks', 'FAULTS=1 M1=3 M2=6 M3=5', 'AB, BC and CA: each waits for the next', 'holds'],
  ['locks', 'FAULTS=1 M1=3 M2=3 M3=3', 'three times AB', 'holds'],
  ['locks', 'FAULTS=2 JOBS=2', 'AB and A, two faults', 'holds'],
  ['locks', 'FAULTS=1 JOBS=2 CHANGE=2', 'a lock that is changed for another', 'holds'],
  ['locks', 'FAULTS=1 JOBS=2 RESTART=1', 'Redis restarts, its data kept', 'holds'],
  ['locks', 'FAULTS=0 JOBS=2 ROLLBACK=1 NT=11', 'Redis comes back older', 'holds'],
  ['locks', 'FAULTS=0 JOBS=2 STEP=1 BELIEFS=0', 'the clock of Redis steps: two may trust, one writes', 'holds'],

  ['locks', 'FAULTS=1 NO_HANDOVER=1', 'nothing is handed over: who asks moves the queue on', 'spare'],
  ['locks', 'FAULTS=1 NO_HANDOVER=1 NO_POKE=1', 'nothing is handed over, nobody asks', 'breaks'],
  ['locks', 'FAULTS=1 NO_POKE=1', 'who waits never asks', 'breaks'],
  ['locks', 'FAULTS=1 NO_POKE=1 NOTICE=0', 'the same where no notice is lost', 'spare'],
  ['locks', 'FAULTS=1 NO_POKE=1 NOTICE=0 NO_OTHERS=1', 'and only the first resource of a ticket moves on', 'breaks'],
  ['locks', 'FAULTS=1 NO_SESSION=1', 'granted without a look at the session', 'spare'],
  ['locks', 'FAULTS=1 NO_FENCE=1', 'a write checks neither ticket nor lease', 'breaks'],
  ['locks', 'FAULTS=1 NO_FENCE=1 LATE=0', 'the same where no write is late', 'spare'],
  ['locks', 'FAULTS=0 NO_FENCE=1 STEP=1 BELIEFS=0', 'the same where the clock of Redis steps', 'breaks'],
  ['locks', 'FAULTS=1 NO_TRUST=1', 'the time is not compared before a write', 'spare'],
  ['locks', 'FAULTS=1 NO_DEADLINE=1', 'tickets do not end by themselves', 'breaks'],
  ['locks', 'FAULTS=0 NO_NUMBER=1', 'granted where no holder is in the way', 'breaks'],
  ['locks', 'FAULTS=1 NO_DROP=1', 'the tickets of a dead session are left to their deadlines', 'spare'],
  ['locks', 'FAULTS=1 NO_DROP=1 NO_DEADLINE=1', 'and these have none', 'breaks'],
  ['locks', 'FAULTS=1 NO_KEY=1', 'a second send takes a second ticket', 'spare'],
  ['locks', 'FAULTS=1 JOBS=2 CHANGE=2 NO_INSTEAD=1', 'a late change takes a ticket that nobody waits for', 'spare'],
  ['locks', 'FAULTS=0 JOBS=2 RESTART=1 NO_GRACE=1', 'no grace, data kept', 'spare'],
  ['locks', 'FAULTS=0 JOBS=2 ROLLBACK=1 NT=11 NO_GRACE=1', 'no grace after Redis came back older', 'breaks'],
  ['locks', 'FAULTS=0 JOBS=2 ROLLBACK=1 NT=11 NO_VERIFY=1', 'what is held is not asked for after a reconnect', 'breaks'],
  ['locks', 'FAULTS=0 JOBS=2 ROLLBACK=1 NT=11 NO_RECALL=1', 'nor what was granted and is taken up later', 'breaks'],
  ['locks', 'FAULTS=0 JOBS=2 ROLLBACK=1 NO_CLOCK=1', 'numbers are only counted', 'breaks'],
  ['locks', 'FAULTS=1 JOBS=2 ROLLBACK=1 NT=11 NO_RUN=1 LEASE=0 LOST=0 BELIEFS=0', 'a write of before the restart is carried out', 'breaks'],

  ['placement', 'FAULTS=1', 'two requests that compete', 'holds'],
  ['placement', 'FAULTS=1 SRC2=1', 'two requests, one after the other', 'holds'],
  ['placement', 'FAULTS=2 REQS=1', 'one request, two faults', 'holds'],
  ['placement', 'FAULTS=1 REQS=1 ROLLBACK=1', 'the journal comes back older', 'holds'],
  ['placement', 'FAULTS=1 REQS=1 FOREIGN=1', 'a foreign writer', 'holds'],
  ['placement', 'FAULTS=1 REQS=1 CANCEL=1', 'a cancel, or a deadline', 'holds'],
  ['placement', 'FAULTS=1 REQS=1 ALTERNATE=1', 'an alternate', 'holds'],
  ['placement', 'FAULTS=1 REPLAY=1 FOREIGN=1', 'a replay, and somebody who moves the consumer back', 'holds'],
  ['placement', 'FAULTS=1 DEL=1 DST2=3', 'a forced release beside another release', 'holds'],
  ['placement', 'FAULTS=1 REQS=1 HALF=1', 'a reservation that is halted half-way', 'holds'],
  ['placement', 'FAULTS=2 REQS=1 HALF=1 FIRST=0', 'the marker is reserved only after the note', 'breaks'],

  ['placement', 'FAULTS=2 REQS=1 NO_INTENT=1', 'nothing is noted before a send', 'breaks'],
  ['placement', 'FAULTS=2 REQS=1 NO_SETTLE=1', 'what was noted is not settled', 'breaks'],
  ['placement', 'FAULTS=1 NO_UNSETTLED=1', 'planned beside an intent that is not settled', 'spare'],
  ['placement', 'FAULTS=1 DEL=1 DST2=3 NO_UNSETTLED=1', 'the same beside a DELETE', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 NO_CLOSE=1', 'an attempt is not closed', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 NO_MARKER=1', 'the write does not depend on its marker', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 NO_NEXT=1', 'a closed attempt is tried again', 'spare'],
  ['placement', 'FAULTS=3 REQS=1 HALF=1 NO_OWN=1', 'written under a marker that another has reserved', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 FOREIGN=1 NO_GEN=1', 'generations are not compared', 'breaks'],
  ['placement', 'FAULTS=2 REQS=1 NO_PROCNOTE=1', 'noted for a processing that is over', 'spare'],
  ['placement', 'FAULTS=2 REQS=1 NO_TRUST=1', 'the time is not compared before a send', 'spare'],
  ['placement', 'FAULTS=2 REQS=1 NO_PROCNOTE=1 NO_TRUST=1', 'neither of both', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 NO_DPROC=1', 'decided by a processing that is over', 'breaks'],
  ['placement', 'FAULTS=2 REQS=1 ROLLBACK=1 NO_KEEP=1', 'sent while the note may yet be rolled back', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 ROLLBACK=1 NO_WAIT=1', 'told while the decision may yet be rolled back', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 ROLLBACK=1 NO_FIND=1', 'told as not happened without a look at the marker', 'spare'],
  ['placement', 'FAULTS=1 REQS=1 FOREIGN=1 BY_STATE=1', 'credited by where the consumer is', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 DEL=1 RESEND=1', 'a DELETE is sent again', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 DEL=1 NO_DELNOTE=1', 'a DELETE is not noted', 'breaks'],
  ['placement', 'FAULTS=1 REQS=1 DEL=1 GUESS=1', 'a DELETE without an answer is told as not happened', 'breaks'],
  ['placement', 'FAULTS=1 REPLAY=1 FOREIGN=1 EAGER=1', 'replayed before it is decided', 'breaks'],
]
// Minutes, not seconds: `node check.mjs --deep`.
const DEEP = [
  ['journal', 'FAULTS=2', 'two requests, two faults', 'holds'],
  ['journal', 'FAULTS=2 LOCK=0', 'two requests, two faults, without the lock', 'holds'],
  ['journal', 'REQS=1 FAULTS=3', 'one request, three faults', 'holds'],
  ['journal', 'REQS=1 FAULTS=3 LOCK=0', 'one request, three faults, without the lock', 'holds'],
  ['journal', 'REQS=1 FAULTS=3 ONCE=1', 'idempotent:false, three faults', 'holds'],
  ['journal', 'REQS=1 FAULTS=2 RESTART=1 LOCK=0', 'Redis restarts, two faults', 'holds'],
  ['journal', 'REQS=1 FAULTS=3 NO_RUN=1 NO_ORDER=1 ROLLBACK=1 LOCK=0 DUP=0 CONFL=0 LEASE=0 CRASH=0', 'not bound to the run id, three faults', 'spare'],
  ['journal', 'REQS=1 FAULTS=3 NO_ORDER=1', 'an old token may begin again, three faults', 'spare'],
  ['locks', 'FAULTS=1 CHANGE=2', 'a lock that is changed, three requests', 'holds'],
  ['locks', 'FAULTS=1 STEP=1 BELIEFS=0 NT=11', 'the clock of Redis steps, one fault', 'holds'],
  ['locks', 'FAULTS=1 JOBS=2 ROLLBACK=1 NT=11 LATE=0', 'Redis comes back older, one fault', 'holds'],
  ['locks', 'FAULTS=1 JOBS=2 ROLLBACK=1 NT=11 LEASE=0 LOST=0 BELIEFS=0', 'the same with late scripts', 'holds'],
  ['placement', 'FAULTS=2', 'two requests, two faults', 'holds'],
  ['placement', 'FAULTS=3 REQS=1', 'one request, three faults', 'holds'],
  ['placement', 'FAULTS=2 REQS=1 CANCEL=1', 'a cancel, or a deadline, two faults', 'holds'],
  ['placement', 'FAULTS=2 REQS=1 ALTERNATE=1', 'an alternate, two faults', 'holds'],
  ['placement', 'FAULTS=2 REQS=1 HALF=1', 'reservations that are halted half-way, two faults', 'holds'],
  ['placement', 'FAULTS=1 ROLLBACK=1', 'the journal comes back older, two requests', 'holds'],
  ['placement', 'FAULTS=2 REQS=1 ROLLBACK=1', 'the journal comes back older, two faults', 'holds'],
  ['placement', 'FAULTS=2 DEL=1 DST2=3', 'a forced release, two faults', 'holds'],
  ['placement', 'FAULTS=2 REPLAY=1', 'a replay, two faults', 'holds'],
  ['placement', 'FAULTS=2 REQS=1 ROLLBACK=1 NO_FIND=1', 'told as not happened without a look, two faults', 'spare'],
]

const scratch = await mkdtemp(join(tmpdir(), 'models-'))
const options = process.argv.slice(2).filter((word) => word.startsWith('--'))
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const deep = options.includes('--deep')
/** One row of so many, another each day. */
const every = Number(options.find((word) => word.startsWith('--every='))?.slice('--every='.length) ?? 1)
const today = Math.floor(Date.now() / 86_400_000)
if (deep) CONFIGURATIONS.splice(0, CONFIGURATIONS.length, ...DEEP)
let failed = false

async function check([model, flags, what, expected], index) {
  const folder = await mkdtemp(join(scratch, `${index}-`))
  const defines = flags.split(' ').filter(Boolean).map((flag) => `-D${flag}`)
  const settings = { cwd: folder, maxBuffer: 1 << 26, timeout: 600_000 }
  await run('spin', ['-a', ...defines, join(here, `${model}.pml`)], settings)
  await run('gcc', ['-O1', '-w', '-DSAFETY', '-DCOLLAPSE', '-DVECTORSZ=2048', '-DMEMLIM=5000', '-o', 'pan', 'pan.c'], settings)
  const startedMs = performance.now()
  const { stdout } = await run('./pan', ['-m200000'], settings)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  await rm(folder, { recursive: true })
  const errors = Number(/errors: (\d+)/.exec(stdout)?.[1] ?? NaN)
  const states = /(\d+) states, stored/.exec(stdout)?.[1] ?? '?'
  const complete = !/Search not completed|max search depth too small|out of memory/.test(stdout) || errors > 0
  const broken = /pan:1: (.*)/.exec(stdout)?.[1] ?? ''
  const ok = complete && (expected === 'breaks' ? errors > 0 : errors === 0)
  if (!ok) failed = true
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${expected.padEnd(6)} ${states.padStart(9)} states ${seconds.padStart(5)} s  ${what}  [${model}: ${flags}]${broken && `  -> ${broken}`}`)
}

try {
  const rows = CONFIGURATIONS.filter((row) => wanted.every((word) => row.join(' ').includes(word)))
  const queue = rows.filter((_, place) => place % every === today % Math.min(every, rows.length)).entries()
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, async () => {
    for (const [index, row] of queue) await check(row, index)
  }))
} finally {
  await rm(scratch, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0
