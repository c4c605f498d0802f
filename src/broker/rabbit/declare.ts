// The topology planned, made where something is missing, and verified; what exists is never declared again or deleted.
import type { Options } from 'amqplib'
import type { Finding } from '../finding.ts'
import type { BindingSpec, Definition, ExchangeSpec, PolicySpec, QueueSpec, Topology } from '../topology.ts'
import { bindingsToMake, compare, foreseen, mendedByApply, missing, policiesToPut } from './compare.ts'
import { existenceOf, factsOf, Probe, type Existence, type Place } from './facts.ts'
import type { Facts } from './effective.ts'

/** The topology that was found does not keep what is promised; the rows say what differs and what mends it. */
export class UnsafeTopology extends Error {
  override readonly name = 'UnsafeTopology'
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super(
      [
        'the topology is not as it must be (object, argument, wanted, found, fix):',
        ...findings.map(
          ({ object, argument, wanted, found, fix }) => `  ${object}, ${argument}, ${wanted}, ${found}, ${fix}`,
        ),
      ].join('\n'),
    )
    this.findings = findings
  }
}

export interface Report {
  readonly findings: readonly Finding[]
  /** Objects and policies made or written in this run; of a plan, those that would be. */
  readonly made: readonly string[]
  /** What creating found and mended: others may have changed more since somebody looked. */
  readonly mended?: readonly Finding[]
  /** Comparisons that could not be made, for want of the management API. */
  readonly notCompared: readonly string[]
}

/** What is to be done with the topology at a place. */
export type Act = (topology: Topology, place: Place) => Promise<Report>

/** Declares what is missing; safe to run again, and by several at once. What it cannot mend is in the report. */
export const createTopology: Act = (topology, place) =>
  withProbe(place, async (probe) => {
    const found = await look(topology, place, probe)
    const made: string[] = []
    for (const step of stepsOf(topology, found)) {
      await take(step, place, probe)
      if (step.counts) made.push(step.name)
    }
    const mended = reportOf(topology, found).findings.filter(mendedByApply)
    return { ...reportOf(topology, await look(topology, place, probe)), made, mended }
  })

/** Declares nothing. Without the management API it checks existence, and the report says what was not compared. */
export const verifyTopology: Act = (topology, place) =>
  withProbe(place, async (probe) => ({ ...reportOf(topology, await look(topology, place, probe)), made: [] }))

/** Declares nothing, and says what `createTopology` would make, and which differences would stay. */
export const planTopology: Act = (topology, place) =>
  withProbe(place, async (probe) => {
    const found = await look(topology, place, probe)
    const { findings, notCompared } = reportOf(topology, found)
    const made = stepsOf(topology, found).flatMap(({ counts, name }) => (counts ? [name] : []))
    const staying = found.facts === null ? findings : compare(topology, foreseen(topology, found.facts))
    return { made, notCompared, findings: staying.filter((finding) => !mendedByApply(finding)) }
  })

async function withProbe(place: Place, act: (probe: Probe) => Promise<Report>): Promise<Report> {
  const probe = new Probe(place)
  try {
    return await act(probe)
  } finally {
    probe.close()
  }
}

interface Found extends Existence {
  /** Null without the management API. */
  readonly facts: Facts | null
}

async function look(topology: Topology, { management, vhost }: Place, probe: Probe): Promise<Found> {
  if (management === null) return { ...(await existenceOf(topology, probe)), facts: null }
  const facts = await factsOf(topology, management, vhost)
  const those = (found: Facts['queues']): Set<string> =>
    new Set(Object.keys(found).filter((name) => found[name] !== null))
  return { exchanges: those(facts.exchanges), queues: those(facts.queues), facts }
}

/** One thing to make. `counts`: it is surely not there yet. */
type Step = { readonly name: string; readonly counts: boolean } & (
  | { readonly kind: 'policy'; readonly spec: PolicySpec }
  | { readonly kind: 'exchange'; readonly spec: ExchangeSpec }
  | { readonly kind: 'queue'; readonly spec: QueueSpec }
  | { readonly kind: 'binding'; readonly spec: BindingSpec }
)

/** Policies before the queues, so that none exists for a moment without its limits and its way out. */
function stepsOf(topology: Topology, { exchanges, queues, facts }: Found): Step[] {
  // n.b. Without the management API nobody says what is bound; to bind again what is bound changes nothing.
  const bindings = facts === null ? topology.bindings : bindingsToMake(topology, facts)
  const isNew = ({ exchange, queue }: BindingSpec): boolean => !exchanges.has(exchange) || !queues.has(queue)
  return [
    ...(facts === null ? [] : policiesToPut(topology, facts)).map(
      (spec): Step => ({ kind: 'policy', spec, name: `policy ${spec.name}`, counts: true }),
    ),
    ...topology.exchanges
      .filter(({ name }) => !exchanges.has(name))
      .map((spec): Step => ({ kind: 'exchange', spec, name: `exchange ${spec.name}`, counts: true })),
    ...topology.queues
      .filter(({ name }) => !queues.has(name))
      .map((spec): Step => ({ kind: 'queue', spec, name: `queue ${spec.name}`, counts: true })),
    ...bindings.map((spec): Step => {
      const name = `binding ${spec.exchange} → ${spec.queue}`
      return { kind: 'binding', spec, name, counts: facts !== null || isNew(spec) }
    }),
  ]
}

const FIXED = { durable: true, autoDelete: false } as const satisfies Options.AssertExchange

/** Takes one step. Without the management API the definition stands in arguments, since no policy can be written. */
async function take(step: Step, { management }: Place, probe: Probe): Promise<void> {
  switch (step.kind) {
    case 'policy':
      await management?.putPolicy(step.spec)
      return
    case 'exchange': {
      const { name, type, definition } = step.spec
      const options = { ...FIXED, arguments: management === null ? definition : {} }
      return probe.declares((channel) => channel.assertExchange(name, type, options))
    }
    case 'queue': {
      const { name, type, definition } = step.spec
      const wiring = management === null ? argumentsOf(definition) : {}
      const options = { ...FIXED, arguments: { 'x-queue-type': type, ...wiring } }
      return probe.declares((channel) => channel.assertQueue(name, options))
    }
    case 'binding': {
      const { queue, exchange, routingKey } = step.spec
      return probe.declares((channel) => channel.bindQueue(queue, exchange, routingKey))
    }
  }
}

function reportOf(topology: Topology, { exchanges, queues, facts }: Found): Omit<Report, 'made'> {
  if (facts !== null) return { findings: compare(topology, facts), notCompared: [] }
  const absent = (kind: 'exchange' | 'queue', specs: readonly { name: string }[], found: ReadonlySet<string>) =>
    specs.filter(({ name }) => !found.has(name)).map(({ name }) => missing(kind, name))
  return {
    findings: [...absent('exchange', topology.exchanges, exchanges), ...absent('queue', topology.queues, queues)],
    notCompared: notComparable(topology),
  }
}

function notComparable(topology: Topology): string[] {
  return [
    ...topology.exchanges.map(
      ({ name, definition }) => `exchange ${name}: ${['type', ...Object.keys(definition)].join(', ')}`,
    ),
    ...topology.queues.map(
      ({ name, definition }) => `queue ${name}: ${['x-queue-type', ...Object.keys(definition)].join(', ')}`,
    ),
    ...topology.bindings.map(({ exchange, queue, routingKey }) => `binding ${exchange} → ${queue}: ${routingKey}`),
  ]
}

function argumentsOf(definition: Definition): Record<string, string | number> {
  return Object.fromEntries(Object.entries(definition).map(([key, value]) => [`x-${key}`, value]))
}
