// The load of a soak: a crowd that asks in bursts at a steady mean, copies, and bytes that are no request.
import { setMaxListeners } from 'node:events'
import { systemClock } from '../../src/clock/system-clock.ts'
import { crowdOf, playOn, uuidOf, type CrowdOptions, type Random } from '../support/crowd.ts'
import { toldOf, type Installation, type Told } from '../support/installation.ts'

export interface Round {
  readonly requests: readonly string[]
  /** Requests whose id was sent again with other content. */
  readonly reused: readonly string[]
  /** Message id of what is no request → the code it must be told with. */
  readonly malformed: ReadonlyMap<string, string>
}

export interface Load {
  /** Asks while `more` holds; resolves when each request was told. */
  round(more: () => boolean): Promise<Round>
  /** Requests of this round without an answer. */
  open(): readonly string[]
  /** Sends some of this round's latest requests once more. */
  copies(count: number): Promise<void>
  /** All who wait for their turn ask at once. */
  rush(): void
  /** Consumers that the crowd asks for. */
  consumers(): readonly string[]
  /** Requests and other bytes sent so far, copies left aside. */
  readonly sent: number
  /** Longest time from a request to its outcome (ms). */
  readonly longestMs: number
}

export interface LoadOptions {
  readonly crowd: CrowdOptions
  /** Mean of requests a second, rushes left aside. */
  readonly rate: number
  readonly random: Random
  /** Makes the ids of two loads differ. */
  readonly name: string
}

/** Requests that come without a pause between them, on the mean. */
const BURST = 8
const MALFORMED_SHARE = 0.03
const LATEST = 200

export function openLoad(installation: Installation, options: LoadOptions): Load {
  const { crowd, rate, random, name } = options
  const servers = crowdOf(crowd)
  const totals = { sent: 0, longestMs: 0, rounds: 0 }
  const open = new Set<string>()
  let latest: object[] = []
  let malformed = new Map<string, string>()
  let nextMs = 0
  let gate = openGate()
  const turn = async (): Promise<void> => {
    nextMs = Math.max(nextMs, systemClock.monotonicMs())
    if (random() < 1 / BURST) nextMs += (-Math.log(1 - random()) * BURST * 1_000) / rate
    await systemClock.sleep(nextMs - systemClock.monotonicMs(), gate.signal).catch(() => undefined)
  }
  const paced: Pick<Installation, 'ask' | 'decision'> = {
    ask: async (...requests) => {
      await turn()
      totals.sent += 1
      latest = [...latest, requests[0]!].slice(-LATEST)
      await installation.ask(...requests)
      if (random() < MALFORMED_SHARE) await sendMalformed()
    },
    decision: async (request) => {
      const sinceMs = systemClock.monotonicMs()
      open.add(request)
      // n.b. No limit of its own: how long a drain may take is for the caller to say.
      const told: Told = toldOf(await installation.events.decision(request))
      open.delete(request)
      totals.longestMs = Math.max(totals.longestMs, Math.round(systemClock.monotonicMs() - sinceMs))
      return told
    },
  }
  const sendMalformed = async (): Promise<void> => {
    totals.sent += 1
    const messageId = uuidOf(name, 'no request', totals.sent)
    const [code, bytes] = NO_REQUESTS[Math.floor(random() * NO_REQUESTS.length)]!
    malformed.set(messageId, code)
    await installation.send([{ body: Buffer.from(bytes(messageId)), properties: { messageId } }])
  }
  return {
    round: async (more) => {
      latest = []
      malformed = new Map()
      totals.rounds += 1
      const { requests, reused } = await playOn(paced, crowd, servers, more, random, `${name} ${totals.rounds}`)
      return { requests, reused, malformed }
    },
    open: () => [...open],
    copies: async (count) => {
      const copies = Array.from({ length: Math.min(count, latest.length) }, () => {
        return latest[Math.floor(random() * latest.length)]!
      })
      await installation.ask(...copies)
    },
    rush: () => {
      nextMs = 0
      gate.abort()
      gate = openGate()
    },
    consumers: () => servers.map(({ id }) => id),
    get sent() {
      return totals.sent
    },
    get longestMs() {
      return totals.longestMs
    },
  }
}

/** Aborted when all who wait may go; any number may wait. */
function openGate(): AbortController {
  const gate = new AbortController()
  setMaxListeners(0, gate.signal)
  return gate
}

/** Code, and bytes that are told with it under the id given. */
const NO_REQUESTS: readonly (readonly [code: string, bytes: (id: string) => string])[] = [
  ['malformed', () => 'no JSON'],
  ['malformed', (id) => `{"version":1,"id":"${id}","operation":"claim",`],
  ['too_large', () => ' '.repeat(65_537)],
  ['schema_invalid', (id) => JSON.stringify({ version: 1, id, operation: 'transfer', consumer: 'nobody' })],
  ['schema_invalid', (id) => JSON.stringify({ version: 1, id, operation: 'confirm', consumer: id, force: true })],
  ['unsupported_version', (id) => JSON.stringify({ version: 9, id, operation: 'confirm', consumer: id })],
]
