// Keeps the topology as configured: made or verified at the start, looked at again and again while the worker runs.
import type { Channel } from 'amqplib'
import type { Clock } from '../../clock/clock.ts'
import { every } from '../../clock/every.ts'
import { Refused, Unavailable } from '../../retry/failures.ts'
import type { Telemetry } from '../../telemetry/events.ts'
import { sentenceOf, type Finding } from '../finding.ts'
import { managementUrlOf } from '../management-url.ts'
import { namesOf } from '../names.ts'
import { declaringPatterns, declaringRights, workerPatterns, workerRights } from '../rights.ts'
import { topologyOf, type Topology } from '../topology.ts'
import { isMissing, mendedByApply } from './compare.ts'
import type { Link } from './connection.ts'
import { createTopology, UnsafeTopology, verifyTopology, type Act, type Report } from './declare.ts'
import type { TlsOptions } from './dial.ts'
import { textOf } from './failure.ts'
import { reachManagement, type Management, type Reached } from './management.ts'
import { missingRights, missingRightsText, type RightsPlace } from './rights.ts'
import { userOf, vhostOf } from './urls.ts'

export interface KeeperOptions {
  readonly urls: readonly string[]
  readonly prefix: string
  readonly topology: 'create' | 'verify' | 'off'
  readonly managementUrl: string | null
  readonly journalDays: number
  readonly deliveryLimit: number
  /** Whether a start is refused to a user without the rights of a worker. */
  readonly needsWorkerRights: boolean
  readonly startTimeoutMs: number
  readonly answerTimeoutMs: number
  readonly tls: TlsOptions
}

/** What a look saw. `isDown`: the management API, which is there, does not answer. */
interface Seen {
  readonly report: Report
  readonly isDown: boolean
}

export interface Links {
  readonly consume: Link
  readonly publish: Link
}

/** How often (ms) existence is looked at, over AMQP alone: 14 questions on one channel, which wait for nobody else. */
const GLANCE_EVERY_MS = 1_000
/** How often (ms) everything is compared over the management API; while something is wrong, with every glance. */
const LOOK_EVERY_MS = 3_000
/** Longest wait (ms) for each answer of the management API while the worker runs. */
const LOOK_PATIENCE_MS = 2_000
/** A look that took long is followed by a rest so many times as long, whatever the number of workers that look. */
const REST_SHARE = 10
/** Shortest time (ms) between two looks, however many meet what is missing. */
const LOOK_GAP_MS = 500
/** Declared again (ms): what is missing at once, other values seldom, since somebody else may be setting them. */
const RESTORE_EVERY_MS = 1_000
const REWRITE_EVERY_MS = 60_000
const RETRY_MS = 500

export class TopologyKeeper {
  readonly topology: Topology
  readonly #options: KeeperOptions
  readonly #links: Links
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #stopping = new AbortController()
  #findings: readonly Finding[] = []
  /** What has been warned of and still holds, by its subject. */
  readonly #warned = new Map<string, string>()
  #looking: Promise<void> | null = null
  #lookedMs = -Infinity
  #restMs = -Infinity
  /** The management API of the looks, kept open from one to the next. */
  #kept: Management | null = null
  #restored = { atMs: -Infinity, what: '' }
  #suspectsRights = false
  #missingRights: string | null = null

  constructor(options: KeeperOptions, links: Links, clock: Clock, telemetry: Telemetry) {
    this.topology = topologyOf(options.prefix, options)
    this.#options = options
    this.#links = links
    this.#clock = clock
    this.#telemetry = telemetry
  }

  /** Why nothing can be relied on now; in `create` only what is missing, since the rest is warned of and lived with. */
  get troubles(): readonly string[] {
    const serious = this.#options.topology === 'verify' ? this.#findings : this.#findings.filter(isMissing)
    const rights = this.#missingRights === null ? [] : [this.#missingRights]
    return [...rights, ...serious.map((finding) => `${sentenceOf(finding)} (${finding.fix})`)]
  }

  /** As configured. Waits while it cannot be looked at; rejects with `Refused` or `UnsafeTopology`. */
  async begin(): Promise<void> {
    await this.#patiently(() => this.#begin())
    const { topology: mode, needsWorkerRights } = this.#options
    if (mode === 'off' && !needsWorkerRights) return
    const { signal } = this.#stopping
    this.#restMs = this.#clock.monotonicMs() + LOOK_EVERY_MS
    void every(
      this.#clock,
      GLANCE_EVERY_MS,
      signal,
      () => this.#glance(),
      () => undefined,
    )
  }

  stop(): void {
    this.#stopping.abort(new Unavailable('stopped'))
    void this.#giveUpKept()
  }

  /** Acts for a command, whatever the mode. Waits as `begin` does, for at most the start time. */
  async act(act: Act): Promise<Report> {
    const untilMs = this.#clock.monotonicMs() + this.#options.startTimeoutMs
    return this.#patiently(() => this.#on(act), untilMs)
  }

  /** Somebody met an object that is not there, or was refused: looks at once, and in `create` declares it again. */
  look(met: 'missing' | 'refused'): Promise<void> {
    if (met === 'refused') this.#suspectsRights = this.#options.needsWorkerRights
    if (this.#stopping.signal.aborted || this.#clock.monotonicMs() - this.#lookedMs < LOOK_GAP_MS) {
      return this.#looking ?? Promise.resolve()
    }
    this.#looking ??= this.#look()
      .catch((cause: unknown) => {
        this.#warn('looking', `the topology cannot be looked at: ${textOf(cause)}`, 'it is tried again')
      })
      .finally(() => {
        this.#looking = null
        this.#lookedMs = this.#clock.monotonicMs()
        if (this.#stopping.signal.aborted) void this.#giveUpKept()
      })
    return this.#looking
  }

  /**
   * What the user may not, with the command that gives it; null: nothing. `working`: what a worker does in every mode;
   * `declaring`: what `create` needs besides, where something is missing.
   */
  async missingRights(what: 'working' | 'declaring', mode = this.#options.topology): Promise<string | null> {
    const { urls, prefix } = this.#options
    const names = namesOf(prefix)
    const rights = what === 'working' ? workerRights(names) : declaringRights(this.topology)
    const missing = await missingRights(rights, this.#place())
    if (missing.length === 0) return null
    const url = urls[0] as string
    const patterns = mode === 'create' ? declaringPatterns(prefix) : workerPatterns(names)
    return missingRightsText(missing, { vhost: vhostOf(url), user: userOf(url), patterns })
  }

  /** The management API as set. */
  reach(timeoutMs = this.#options.answerTimeoutMs): Promise<Reached> {
    const { urls, managementUrl: url, tls } = this.#options
    const vhost = vhostOf(urls[0] as string)
    return reachManagement({ url, defaults: urls.map(managementUrlOf), vhost, tls, timeoutMs, clock: this.#clock })
  }

  async #begin(): Promise<void> {
    const { topology: mode, needsWorkerRights } = this.#options
    this.#missingRights = needsWorkerRights ? await this.#missingOfWorker() : null
    if (this.#missingRights !== null) throw new Refused(this.#missingRights)
    if (mode === 'off') return
    const report = await this.#on(mode === 'create' ? createTopology : verifyTopology)
    if (report.notCompared.length > 0) {
      const what = `without the management API these were not compared: ${report.notCompared.join('; ')}`
      this.#telemetry.emit('warning', { what, fix: 'set FERRYMAN_RABBITMQ_MANAGEMENT_URL' })
    }
    if (mode === 'verify' && report.findings.length > 0) throw new UnsafeTopology(report.findings)
    this.#note(report)
  }

  /** n.b. While an alarm keeps the broker from reading what is published, nobody can tell, and nothing is published. */
  async #missingOfWorker(): Promise<string | null> {
    try {
      return await this.missingRights('working')
    } catch (cause) {
      if (cause instanceof Unavailable && this.#links.publish.blocked) return null
      throw cause
    }
  }

  /** What exists, and a whole look when its time has come or something else is missing than before. */
  async #glance(): Promise<void> {
    const { topology: mode } = this.#options
    if (mode !== 'off') {
      const missingBefore = this.#missing()
      const place = { ...this.#place(), management: null }
      // n.b. Where it cannot be asked, connection or warnings of the whole look say why.
      const seen = await verifyTopology(this.topology, place).catch(() => null)
      if (seen !== null) this.#note(seen)
      if (this.#missing() !== missingBefore) this.#restMs = -Infinity
    }
    const isLooking = mode !== 'off' || this.#suspectsRights
    if (isLooking && this.#clock.monotonicMs() >= this.#restMs) void this.look('missing')
  }

  #missing(): string {
    return this.#findings.filter(isMissing).map(subjectOf).join('; ')
  }

  async #look(): Promise<void> {
    const startedMs = this.#clock.monotonicMs()
    let seen: Seen | null
    try {
      seen = await this.#see()
    } finally {
      const endedMs = this.#clock.monotonicMs()
      const restMs = this.troubles.length > 0 ? 0 : LOOK_EVERY_MS
      this.#restMs = endedMs + Math.max(restMs, REST_SHARE * (endedMs - startedMs))
    }
    if (this.#options.topology !== 'create' || seen === null || seen.isDown) return
    await this.#restore(seen.report.findings.filter(mendedByApply))
  }

  async #see(): Promise<Seen | null> {
    if (this.#suspectsRights) {
      this.#missingRights = await this.#missingOfWorker()
      this.#suspectsRights = this.#missingRights !== null
    }
    if (this.#options.topology === 'off') return null
    const seen = await this.#compared()
    this.#note(seen.report)
    return seen
  }

  /** As much as can be compared now. */
  async #compared(): Promise<Seen> {
    const place = this.#place()
    try {
      const management = (this.#kept ??= this.#managementOf(await this.reach(LOOK_PATIENCE_MS)))
      if (management !== null) {
        const report = await verifyTopology(this.topology, { ...place, management })
        this.#warned.delete('management')
        return { report, isDown: false }
      }
    } catch (cause) {
      await this.#giveUpKept()
      if (!(cause instanceof Unavailable)) throw cause
      const what = `the management API does not answer within ${LOOK_PATIENCE_MS} ms`
      this.#warn('management', what, 'until it does, only what exists is looked at, not policies, arguments, bindings')
      return { report: await verifyTopology(this.topology, { ...place, management: null }), isDown: true }
    }
    return { report: await verifyTopology(this.topology, { ...place, management: null }), isDown: false }
  }

  async #giveUpKept(): Promise<void> {
    const kept = this.#kept
    this.#kept = null
    await kept?.close()
  }

  async #restore(mendable: readonly Finding[]): Promise<void> {
    if (mendable.length === 0) return
    const what = mendable.map(sentenceOf).join('; ')
    const nowMs = this.#clock.monotonicMs()
    const waitMs = mendable.some(isMissing) || what !== this.#restored.what ? RESTORE_EVERY_MS : REWRITE_EVERY_MS
    if (nowMs - this.#restored.atMs < waitMs) return
    this.#restored = { atMs: nowMs, what }
    const report = await this.#on(createTopology)
    this.#note(report)
    const fix = 'find out who changed it; FERRYMAN_RABBITMQ_TOPOLOGY=verify leaves it as it is'
    if (report.made.length === 0) return
    const since = (report.mended ?? mendable).map(sentenceOf).join('; ')
    this.#telemetry.emit('warning', { what: `the topology was declared again, since ${since}`, fix })
  }

  /**
   * Without the management API only the existence of queues and exchanges is seen: what else was found with it still
   * stands, missing bindings included.
   */
  #note({ findings, notCompared }: Report): void {
    const unseen = notCompared.length > 0 ? this.#findings.filter(({ argument }) => argument !== 'existence') : []
    this.#findings = [...unseen, ...findings]
    for (const finding of findings) this.#warn(subjectOf(finding), sentenceOf(finding), finding.fix)
    // n.b. What is well again is told of again when it fails again.
    const standing = new Set(['management', 'looking', ...this.#findings.map(subjectOf)])
    for (const subject of this.#warned.keys()) if (!standing.has(subject)) this.#warned.delete(subject)
  }

  /** Once, until something else is to be said of the same subject. */
  #warn(subject: string, what: string, fix: string): void {
    if (this.#warned.get(subject) === what) return
    this.#warned.set(subject, what)
    this.#telemetry.emit('warning', { what, fix })
  }

  async #on(act: Act): Promise<Report> {
    const management = this.#managementOf(await this.reach())
    try {
      return await act(this.topology, { ...this.#place(), management })
    } finally {
      await management?.close()
    }
  }

  /** Null where there is none, which is warned of unless none is wanted. */
  #managementOf(reached: Reached): Management | null {
    if (reached.management === null && this.#options.managementUrl === null) {
      const fix = 'set FERRYMAN_RABBITMQ_MANAGEMENT_URL, or set it empty'
      this.#warn('management', `no management API: ${reached.why}`, fix)
    }
    return reached.management
  }

  async #patiently<T>(run: () => Promise<T>, untilMs = Infinity): Promise<T> {
    for (;;) {
      try {
        return await run()
      } catch (cause) {
        const over = this.#stopping.signal.aborted || this.#clock.monotonicMs() + RETRY_MS >= untilMs
        if (!(cause instanceof Unavailable) || over) throw cause
        const what = `the topology cannot be looked at: ${cause.message}`
        this.#telemetry.emit('warning', { what, fix: 'trying again until the start time is over' })
        await this.#clock.sleep(RETRY_MS)
      }
    }
  }

  #place(): RightsPlace & Omit<Parameters<Act>[1], 'management'> {
    const { urls, prefix, answerTimeoutMs } = this.#options
    const url = urls[0] as string
    const { consume, publish } = this.#links
    return {
      openChannel: () => channelOn(consume),
      openPublishChannel: () => channelOn(publish),
      vhost: vhostOf(url),
      user: userOf(url),
      prefix,
      clock: this.#clock,
      answerTimeoutMs,
    }
  }
}

async function channelOn({ current, trouble }: Link): Promise<Channel> {
  if (current === null) throw new Unavailable(trouble ?? 'not connected')
  return current.model.createChannel()
}

function subjectOf({ object, argument }: Finding): string {
  return `${object}, ${argument}`
}
