// Processes that never outlive this one, however it ends: each stands in a group of its own, and a keeper watches.
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { systemClock } from '../clock/system-clock.ts'

export interface KeptProcess {
  readonly pid: number
  /** False once it has ended, for whatever reason. */
  readonly running: () => boolean
  readonly signal: (name: NodeJS.Signals) => void
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when it is gone. */
  readonly stop: (graceMs: number) => Promise<void>
  /** SIGKILL to the whole group; resolves when it is gone. */
  readonly kill: () => Promise<void>
}

export interface Keeper {
  /** Starts a program in its own process group; what it prints is appended to the file `log`. */
  readonly start: (program: string, args: readonly string[], environment: Environment, log: string) => KeptProcess
}

/** Over that of this process; undefined takes a variable out. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Reads the list of groups again with each line; when its input closes, so this process is gone, it kills them. */
const KEEPER = `
groups=
while read -r line; do groups=$line; done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
[ -z "$1" ] || rm -rf -- "$1"
`

/** A keeper ends what it started, and removes `folder` (if given), as soon as this process ends, be it by SIGKILL. */
export function keep(folder: string | null): Keeper {
  const watcher = spawn('sh', ['-c', KEEPER, 'keeper', folder ?? ''], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  unrefPipe(watcher)
  const groups = new Set<number>()
  const tell = (): void => {
    watcher.stdin?.write(`${[...groups].join(' ')}\n`)
  }
  return {
    start: (program, args, environment, log) => {
      const output = openSync(log, 'a')
      const child = spawn(program, args, {
        detached: true,
        stdio: ['ignore', output, output],
        env: { ...process.env, ...environment },
      })
      closeSync(output)
      child.unref()
      return kept(child, program, groups, tell)
    },
  }
}

/** The last lines of a log, for an error message. */
export function tailOf(log: string, linesMax = 30): string {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-linesMax).join('\n')
  } catch {
    return '(no log was written)'
  }
}

function kept(child: ChildProcess, program: string, groups: Set<number>, tell: () => void): KeptProcess {
  const { pid } = child
  let running = pid !== undefined
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      running = false
      if (pid !== undefined && groups.delete(pid)) tell()
      resolve()
    }
    child.once('exit', end)
    child.once('error', end)
  })
  if (pid === undefined) throw new Error(`${program} cannot be started: is it there, and may it be run?`)
  groups.add(pid)
  tell()
  const signalGroup = (name: NodeJS.Signals): void => {
    if (running) quietly(() => process.kill(-pid, name))
  }
  const end = async (): Promise<void> => {
    child.ref()
    await ended
  }
  return {
    pid,
    running: () => running,
    signal: signalGroup,
    stop: async (graceMs) => {
      signalGroup('SIGCONT')
      if (running) quietly(() => process.kill(pid, 'SIGTERM'))
      const cancel = systemClock.timer(graceMs, () => signalGroup('SIGKILL'))
      await end()
      cancel()
    },
    kill: async () => {
      signalGroup('SIGKILL')
      await end()
    },
  }
}

/** A group that has just ended answers ESRCH, which is what was wanted. */
function quietly(act: () => void): void {
  try {
    act()
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code !== 'ESRCH') throw failure
  }
}

/** The pipe to the keeper must not keep this process alive. */
function unrefPipe(child: ChildProcess): void {
  const pipe = child.stdin as { unref?: () => void } | null
  pipe?.unref?.()
}
