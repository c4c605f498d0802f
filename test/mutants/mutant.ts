// One guard that is taken away by changing a line of the built project, and the test that must notice.
import { MUTANTS as SIMULATED } from '../simulation/mutants.ts'
import { PLACEMENT_MUTANTS as SIMULATED_ON_PLACEMENT } from '../simulation/placement-mutants.ts'

export interface Mutant {
  /** Kebab-case; the documents refer to it. */
  readonly name: string
  /** What may happen without the guard, one sentence. */
  readonly fear: string
  /** From the project's root: `lua/….lua` or `src/….ts`. */
  readonly file: string
  /** Stands exactly once in the file, as it is written and as it is built. */
  readonly text: string
  readonly instead: string
  readonly noticed: Proof
  /** The mutant of the simulation, by ledger, that lacks the same guard; null: there is none. */
  readonly simulated: Simulated | null
}

export interface Proof {
  /** From the project's root. */
  readonly file: string
  /** Words of the title, enough to know it by. */
  readonly title: string
}

export interface Simulated {
  readonly ledger: 'redis' | 'placement'
  readonly mutant: string
}

const FILES = {
  redis: 'test/contract/redis.test.ts',
  placement: 'test/contract/placement.test.ts',
  scripts: 'test/integration/redis-scripts.test.ts',
  tombstones: 'test/integration/redis-tombstones.test.ts',
  replicas: 'test/integration/redis-replicas.test.ts',
  check: 'test/integration/redis-check.test.ts',
  client: 'test/integration/redis-client.test.ts',
  faults: 'test/integration/placement-faults.test.ts',
  publish: 'test/integration/broker-publish.test.ts',
  sending: 'test/unit/flow/sending.test.ts',
  reading: 'test/unit/flow/reading.test.ts',
  telling: 'test/unit/flow/telling.test.ts',
  unmarked: 'test/unit/flow/unmarked-door.test.ts',
  'done-before': 'test/unit/flow/done-before.test.ts',
  retry: 'test/unit/retry/retry-on-timeout.test.ts',
  session: 'test/unit/locks/session.test.ts',
  hold: 'test/unit/locks/hold.test.ts',
  pause: 'test/unit/worker/pause.test.ts',
  still: 'test/unit/worker/still.test.ts',
  breaker: 'test/unit/ledger/breaker.test.ts',
  verdict: 'test/unit/dead-letters/verdict.test.ts',
  simulation: 'test/simulation/simulation.test.ts',
} as const

export const SIMULATIONS = { redis: SIMULATED, placement: SIMULATED_ON_PLACEMENT } as const

interface Row extends Pick<Mutant, 'name' | 'fear' | 'file' | 'text' | 'instead'> {
  /** `<file>: <title>`, the file as in the list above. */
  readonly noticed: string
  /** `<ledger>: <mutant>` */
  readonly simulated?: string
}

export function mutantsOf(...rows: readonly Row[]): readonly Mutant[] {
  return rows.map(({ noticed, simulated, ...row }) => {
    const [short, title] = halvesOf(noticed)
    const file = FILES[short as keyof typeof FILES] as string | undefined
    if (file === undefined) throw new Error(`${row.name}: ${short} is none of ${Object.keys(FILES).join(', ')}`)
    return { ...row, noticed: { file, title }, simulated: simulated === undefined ? null : simulatedOf(simulated) }
  })
}

function simulatedOf(text: string): Simulated {
  const [ledger, mutant] = halvesOf(text)
  if (ledger !== 'redis' && ledger !== 'placement') throw new Error(`"${text}" names no ledger of the simulation`)
  return { ledger, mutant }
}

function halvesOf(text: string): readonly [string, string] {
  const colon = text.indexOf(': ')
  return [text.slice(0, colon), text.slice(colon + 2)]
}
