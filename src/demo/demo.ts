// The demo: a small cloud, two workers, several hundred requests good and bad, and whether all of it adds up.
import type { Config, Key } from '../config.ts'
import type { Clock } from '../clock/clock.ts'
import { reasonOf } from '../telemetry/scrub.ts'
import { removeInstallation } from '../wire/remove.ts'
import type { Parts } from '../wire/parts.ts'
import { cloudOf } from './cloud.ts'
import { startCrew, type Crew } from './crew.ts'
import { findServers } from './find-servers.ts'
import { gatherEvidence, playInSight } from './run.ts'
import { judge } from './judge.ts'
import { scenarioOf } from './scenario.ts'
import type { Screen } from './screen.ts'
import { configFor, environmentFor } from './settings.ts'
import { drawSummary, goingOn, summaryOf } from './summary.ts'
import { watchOver } from './watch.ts'

export interface DemoOptions {
  /** Messages to publish. */
  readonly requests: number
  readonly seed: number
  /** Servers and workers stay until a signal comes. */
  readonly keep: boolean
  /** The summary as JSON instead of a picture. */
  readonly json: boolean
}

export interface DemoWiring {
  readonly config: Config
  /** Where the value of a setting came from. */
  readonly origins: ReadonlyMap<Key, string>
  readonly openParts: (config: Config) => Parts
  readonly clock: Clock
  readonly screen: Screen
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal
}

const WORKERS = 2

/** Runs all of it, and takes away all that it made. True when every request had one outcome and the books balance. */
export async function demo(options: DemoOptions, wiring: DemoWiring): Promise<boolean> {
  const undone: { readonly what: string; readonly undo: () => Promise<unknown> }[] = []
  const atEnd = (what: string, undo: () => Promise<unknown>): void => {
    undone.unshift({ what, undo })
  }
  try {
    return await tell(options, wiring, atEnd)
  } finally {
    wiring.screen.say(wiring.signal.aborted ? 'stopped; taking everything away again' : 'taking everything away again')
    for (const { what, undo } of undone) {
      await undo().catch((failure: unknown) => {
        wiring.screen.say(`${what} could not be taken away: ${reasonOf(failure)}`)
      })
    }
  }
}

async function tell(
  options: DemoOptions,
  wiring: DemoWiring,
  atEnd: (what: string, undo: () => Promise<unknown>) => void,
): Promise<boolean> {
  const { clock, screen, signal, openParts } = wiring
  const go = async <Value>(work: Promise<Value>): Promise<Value> => {
    const value = await work
    signal.throwIfAborted()
    return value
  }
  const servers = await orAborted(findServers({ ...wiring, chosen: chosenOf(wiring.origins), atEnd }), signal)
  const prefix = `demo-${clock.uuid().slice(0, 8)}`
  const config = configFor(wiring.config, servers, prefix)
  const parts = openParts(config)
  atEnd('connections', () => parts.close())
  const broker = await go(parts.broker())
  const { books } = await go(parts.store())

  screen.say(`making exchanges, queues and books under the name ${prefix}`)
  atEnd(`what stands under ${prefix}`, () => removeInstallation(parts))
  await go(broker.createTopology())
  const cloud = cloudOf(options.seed)
  await go(books.seed(cloud, { replace: false }))
  const before = await go(books.dump())
  screen.say(`a cloud of ${cloud.providers.length} hosts and ${cloud.consumers.length} servers stands in the books`)

  const onStart = (crew: Crew): void => {
    atEnd('workers', () => crew.stop())
  }
  const crew = await go(startCrew(WORKERS, environmentFor(config), clock, onStart))
  screen.say(`${WORKERS} workers are at work`)
  const scenario = scenarioOf(cloud, { ...options, bytesMax: config.requests.bytesMax })
  const watch = await go(watchOver(await parts.reader(), parts.names))
  const timing = await playInSight(scenario, { broker, names: parts.names, clock, watch, crew, screen, signal })
  const evidence = await go(gatherEvidence(scenario, watch, before, parts))

  const checks = judge(evidence)
  const summary = summaryOf(evidence, checks, timing, options)
  if (options.json) screen.print(`${JSON.stringify(summary, null, 2)}\n`)
  else {
    screen.print(drawSummary(summary, evidence, screen.style))
    screen.print(goingOn(options.keep, servers, prefix, evidence.after, screen.style))
  }
  if (options.keep) {
    screen.say('everything stays until you press Ctrl-C')
    await aborted(signal).catch(() => undefined)
  }
  return checks.every(({ holds }) => holds)
}

/** An address that neither the schema nor the files of config/ say was chosen by somebody. */
function chosenOf(origins: ReadonlyMap<Key, string>): { rabbitmq: boolean; redis: boolean } {
  const isChosen = (key: Key): boolean => !/^(default$|config\/)/.test(origins.get(key) ?? 'default')
  return { rabbitmq: isChosen('rabbitmq.url'), redis: isChosen('redis.url') }
}

function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  work.catch(() => undefined)
  return Promise.race([work, aborted(signal)])
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => {
      reject(signal.reason)
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
