// The workers of a soak: one that lasts, so that leaks show, and others that are killed, frozen and replaced.
import type { Random } from '../support/crowd.ts'
import type { WorkerUnderTest } from '../support/installation-workers.ts'
import type { Ground } from './ground.ts'

export interface Crew {
  /** Never killed and never replaced. */
  readonly lasting: WorkerUnderTest
  /** One of those that run, the lasting one too. */
  anyone(random: Random): WorkerUnderTest
  /** SIGKILL for one of the others that consumes, and a successor. */
  kill(random: Random): Promise<void>
  /** A successor, and once it consumes SIGTERM for the oldest of the others. */
  replace(): Promise<void>
  /** Resolves once all that run consume; rejects when one of them does not for a minute. */
  readonly up: () => Promise<unknown>
  /** Ends that nobody caused, so far. */
  readonly faults: readonly string[]
  /** From now on every end is expected. */
  dismiss(): void
}

/** How a drain may end: all done, or its deadline hit while a dependency was down, and the rest handed back. */
const DRAINED = [0, 75]
const LAST_WORDS = 2_000

/** Starts `count` workers, 2 or more, and resolves once all consume. */
export async function openCrew({ installation, workerEnv }: Ground, count: number): Promise<Crew> {
  const faults: string[] = []
  const expected = new Set<WorkerUnderTest>()
  let dismissed = false
  const hire = (): WorkerUnderTest => {
    const worker = installation.spawn(workerEnv)
    void worker.ended.then((code) => {
      if (dismissed || expected.has(worker)) return
      faults.push(`a worker ended by itself with exit code ${code}: ${worker.text.slice(-LAST_WORDS)}`)
    })
    return worker
  }
  const lasting = hire()
  const others = Array.from({ length: count - 1 }, hire)
  const up = (): Promise<unknown> => Promise.all([lasting, ...others].map((worker) => worker.up))
  await up()
  return {
    lasting,
    up,
    faults,
    anyone: (random) => pick([lasting, ...others], random)!,
    kill: async (random) => {
      const victim = pick(
        others.filter(({ isUp }) => isUp),
        random,
      )
      if (victim === undefined) return
      expected.add(victim)
      others.splice(others.indexOf(victim), 1, hire())
      victim.signal('SIGKILL')
      await victim.ended
    },
    replace: async () => {
      const successor = hire()
      others.push(successor)
      await successor.up
      // n.b. One that is told to end while it still waits for something that is down ends with 69.
      const oldest = others.find(({ isUp }) => isUp)!
      others.splice(others.indexOf(oldest), 1)
      expected.add(oldest)
      oldest.signal('SIGTERM')
      const code = await oldest.ended
      if (code === null || !DRAINED.includes(code)) faults.push(`a worker drained with exit code ${code}`)
    },
    dismiss: () => {
      dismissed = true
    },
  }
}

function pick<One>(all: readonly One[], random: Random): One | undefined {
  return all[Math.floor(random() * all.length)]
}
