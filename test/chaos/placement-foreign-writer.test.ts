// Somebody else moves and rewrites the same consumers in Placement all the while: nothing is lost, doubled or unnamed.
import { expect } from 'chai'
import { printFigures } from '../support/figures.ts'
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Allocations } from '../../src/transfer/snapshot.ts'
import { hostId, randomOf, serverId, uuidOf } from '../support/crowd.ts'
import { foreignWriter, type ForeignWriter } from '../support/foreign-writer.ts'
import { faultsOfTelling, type Books, type Told } from '../support/installation.ts'
import { holdings, providerOf } from '../support/installation-moves.ts'
import { doneOf, openBehindProxy, writesOf, type PlacementInstallation } from '../support/installation-placement.ts'
import { uuidV5 } from '../support/installation-shape.ts'

const SEED = Number(process.env['FERRYMAN_FOREIGN_SEED'] ?? systemClock.nowMs() % 1_000_000)
const [HOSTS, SERVERS, ROUNDS] = [6, 8, 6]
const HELD = { VCPU: 2 }
const HOST_IDS = Array.from({ length: HOSTS }, (_, host) => hostId(host))
/** What a conflict with somebody else, or with what he left, may be told as. */
const NAMED = ['source_unexpected', 'source_missing', 'conflicting_operation', 'contended']

const BOOKS: Books = {
  providers: HOST_IDS.map((id, host) => providerOf(id, `host-${host}`)),
  consumers: Array.from({ length: SERVERS }, (_, server) => {
    return { id: serverId(server), type: 'INSTANCE', project: 'p', user: 'u', allocations: { [hostId(0)]: HELD } }
  }),
}

describe('a foreign writer at the same consumers', () => {
  let installation: PlacementInstallation
  before(async () => {
    installation = await openBehindProxy()
    await installation.seed(BOOKS)
    await Promise.all([1, 2].map(() => installation.worker()))
  })
  after(() => installation.close())

  it('makes nothing lost or doubled: every write is in the history of the books, every conflict is named', async () => {
    const random = randomOf(SEED)
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!
    const inHand = new Map<string, string>() // consumers that are asked for right now, and the M of their move
    const next = (): string | null => (inHand.size === 0 ? null : pick([...inHand].flat()))
    const target = (consumer: string): string | null =>
      inHand.has(consumer) && random() < 0.25 ? pick(HOST_IDS) : null
    const foreign = [1, 2].map(() => foreignWriter({ env: installation.env, next, target, random }))

    const requests: string[] = []
    const play = async (server: number): Promise<void> => {
      const consumer = serverId(server)
      let open: string | null = null
      for (let round = 0; round < ROUNDS; round++) {
        const id = uuidOf('foreign', server, round)
        requests.push(id)
        inHand.set(consumer, open ?? uuidV5(id))
        const source = Object.keys(await foreign[0]!.holds(consumer))[0]!
        const move = { source, destination: pick(HOST_IDS.filter((host) => host !== source)) }
        const ending = open !== null && random() < 0.8
        const fields = ending
          ? { operation: pick(['confirm', 'revert']) }
          : { operation: pick(['claim', 'transfer']), ...move }
        await installation.ask({ version: 1, id, consumer, ...fields })
        const { outcome, operation } = await installation.decision(id)
        if (outcome.code === 'applied') open = operation === 'claim' ? uuidV5(id) : null
      }
      inHand.delete(consumer)
    }
    await Promise.all(Array.from({ length: SERVERS }, (_, server) => play(server)))
    await Promise.all(foreign.map((one) => one.stop()))

    expect(await installation.faultsAtRest(), `seed ${SEED}`).to.deep.equal([])
    expect(faultsOfTelling(installation, requests)).to.deep.equal([])
    const told = await installation.decisions(requests)
    expect(told.filter(isUnnamed).map(({ outcome }) => outcome)).to.deep.equal([])
    expect(faultsOfHistory(installation, told, foreign, await installation.dump()), `seed ${SEED}`).to.deep.equal([])
    const figures = {
      seed: SEED,
      applied: told.filter(({ outcome }) => outcome.code === 'applied').length,
      refused: told.filter(({ outcome }) => outcome.code !== 'applied').length,
      foreign: foreign.flatMap(({ writes }) => writes).length,
      conflicts: requests.flatMap((id) => writesOf(installation.proxy, id)).filter(({ status }) => status === 409)
        .length,
    }
    printFigures(figures)
    for (const one of ['applied', 'foreign', 'conflicts'] as const) expect(figures[one], one).to.be.greaterThan(4)
  }).timeout(240_000)
})

function isUnnamed({ outcome, violations }: Told): boolean {
  if (outcome.code === 'applied') return false
  return !NAMED.includes(outcome.code) || (violations.length === 0 && outcome.code !== 'contended')
}

interface Step {
  readonly by: string
  readonly generation: number
  readonly allocations: Allocations
}

/**
 * All writes that Placement took, by whoever, put in order by the generations they were made at: each consumer has one
 * line from the seed to the dump, and each event tells a link of it as it was.
 */
function faultsOfHistory(
  { proxy }: PlacementInstallation,
  told: readonly Told[],
  foreign: readonly ForeignWriter[],
  dump: Books,
): string[] {
  const faults: string[] = []
  const steps = new Map<string, Step[]>()
  const add = (consumer: string, step: Step): unknown => steps.set(consumer, [...(steps.get(consumer) ?? []), step])
  for (const { consumer, ...write } of foreign.flatMap(({ writes }) => writes))
    add(consumer, { by: 'foreign', ...write })
  for (const { request, outcome } of told) {
    const done = doneOf(proxy, request)
    if (done.length !== (outcome.code === 'applied' ? 1 : 0))
      faults.push(`${request} (${outcome.code}): ${done.length} writes`)
    for (const [consumer, { generation, allocations }] of done.flatMap(({ consumers }) => Object.entries(consumers)))
      add(consumer, { by: request, generation: generation ?? 0, allocations })
  }
  const events = new Map(told.map((event) => [event.request, event]))
  const stands = new Map(BOOKS.consumers.map(({ id, allocations }) => [id, { generation: 1, allocations }]))
  for (const [consumer, line] of steps) {
    let now = stands.get(consumer) ?? { generation: 0, allocations: {} }
    for (const step of line.sort((one, other) => one.generation - other.generation)) {
      // n.b. Of a consumer that is emptied Placement reads the generation anew after it has compared it: what comes in
      // between is overtaken, and nobody is told. All other writes are compared in their own transaction.
      const overtakes = text(step.allocations) === text({}) && step.generation === now.generation - 1
      if (step.generation !== now.generation && !overtakes)
        faults.push(
          `${consumer}: ${step.by} wrote at ${step.generation}, not ${now.generation}: ${JSON.stringify(line)}`,
        )
      const event = events.get(step.by)
      for (const [view, state] of [
        [overtakes ? null : event?.before, now],
        [event?.after, step],
      ] as const) {
        const shown = view?.[consumer]
        if (shown !== undefined && text(shown.allocations) !== text(state.allocations))
          faults.push(
            `${consumer}: ${step.by} tells ${text(shown.allocations)}, the books had ${text(state.allocations)}`,
          )
      }
      now = { generation: step.generation + 1, allocations: step.allocations }
    }
    const left = text((holdings(dump)[consumer] ?? {}) as Allocations)
    if (left !== text(now.allocations))
      faults.push(`${consumer} holds ${left}, after its last write ${text(now.allocations)}`)
  }
  return faults
}

function text(allocations: Allocations): string {
  return JSON.stringify(Object.entries(allocations).toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
