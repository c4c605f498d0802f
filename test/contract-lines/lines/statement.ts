// One checkable statement of the contract, with the black-box tests that hold Ferryman to it, or why there is none yet.

export interface Proof {
  /** From the project's root. */
  readonly file: string
  /** Title of the test, exactly as it runs. */
  readonly title: string
}

export interface Statement {
  /** Stable, as `cancel.waits`: others may refer to it. */
  readonly name: string
  readonly says: string
  readonly proofs: readonly Proof[]
  /** Why no test shows it yet; null where one does. */
  readonly missing: string | null
}

export interface Section {
  readonly title: string
  readonly statements: readonly Statement[]
}

const FILES = {
  broker: 'test/contract-lines/broker.test.ts',
  fields: 'test/contract-lines/fields.test.ts',
  moves: 'test/contract-lines/moves.test.ts',
  room: 'test/contract-lines/room.test.ts',
  own: 'test/contract-lines/own.test.ts',
  telling: 'test/contract-lines/telling.test.ts',
  trouble: 'test/contract-lines/trouble.test.ts',
  untold: 'test/contract-lines/untold.test.ts',
  commands: 'test/contract-lines/commands.test.ts',
  settings: 'test/contract-lines/settings.test.ts',
  watch: 'test/contract-lines/watch.test.ts',
  malformed: 'test/chaos/malformed.test.ts',
  envelopes: 'test/chaos/envelopes.test.ts',
  duplicates: 'test/chaos/duplicates.test.ts',
  hot: 'test/chaos/hot-destination.test.ts',
  wire: 'test/contract-lines/wire.test.ts',
  clocks: 'test/contract-lines/clocks.test.ts',
  care: 'test/contract-lines/care.test.ts',
  store: 'test/contract-lines/store.test.ts',
  crash: 'test/chaos/crash-points.test.ts',
  late: 'test/chaos/late-worker.test.ts',
  storm: 'test/chaos/storm.test.ts',
  stop: 'test/chaos/stop.test.ts',
  outages: 'test/chaos/outages.test.ts',
  poison: 'test/chaos/poison.test.ts',
  rolling: 'test/chaos/rolling.test.ts',
  failover: 'test/chaos/failover.test.ts',
  forced: 'test/chaos/placement-forced-release.test.ts',
  lost: 'test/chaos/placement-lost-answers.test.ts',
  overdue: 'test/chaos/placement-late-writes.test.ts',
  plan: 'test/integration/plan-command.test.ts',
  cli: 'test/integration/cli.test.ts',
  work: 'test/integration/cli-work.test.ts',
  unroutable: 'test/integration/topology-unroutable.test.ts',
  topology: 'test/integration/topology-commands.test.ts',
  changes: 'test/integration/topology-changes.test.ts',
  rights: 'test/integration/topology-rights.test.ts',
} as const

/** Shown by tests: `<file>: <title>`, the file as in the list above. */
export function shown(name: string, says: string, ...tests: readonly string[]): Statement {
  const proofs = tests.map((test) => {
    const [, key = '', title = ''] = /^(\w+): (.*)$/.exec(test) ?? []
    const file = FILES[key as keyof typeof FILES] as string | undefined
    if (file === undefined)
      throw new Error(`${name}: "${test}" does not begin with one of ${Object.keys(FILES).join()}`)
    return { file, title }
  })
  return { name, says, proofs, missing: null }
}

/** Not shown yet, and why. */
export function notYet(name: string, says: string, missing: string): Statement {
  return { name, says, proofs: [], missing }
}
