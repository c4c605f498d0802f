// One simulated life: the store, the broker, the processes over them, and the blows that a seed deals them.
import { namesOf } from '../../src/broker/names.ts'
import type { EventBody } from '../../src/transfer/event.ts'
import type { SeedDocument } from '../../src/ledger/seed-document.ts'
import { consumerOf } from '../support/memory/books.ts'
import { seed as seedSlot } from '../support/memory/seed.ts'
import { checkpoint, failover, memorySlot, restart, type MemorySlot } from '../support/memory/slot.ts'
import { memoryPlacement, PLACEMENT_RULES, type MemoryPlacement } from '../support/memory/placement.ts'
import type { Connection, Stage } from '../support/memory/weather.ts'
import { seededRandom, virtualClock, type VirtualClock } from '../support/virtual-clock.ts'
import { between, drawClimate, pick, whole, type Climate, type Random, type Storm } from './climate.ts'
import { Judge } from './judge.ts'
import { Member } from './member.ts'
import { MemoryBroker } from './memory-broker.ts'
import type { Mutant } from './mutants.ts'
import { Scheduler } from './scheduler.ts'
import type { Command } from './commands.ts'
import { Parking } from './parking.ts'
import { Trace } from './trace.ts'

export type LedgerName = 'redis' | 'placement'

const GRACE_MORE_MS = 500
const TOMBSTONE_MS = 90 * 86_400_000
/** Blows a call may bring about; more would only make a life long. */
const BLOWS_MAX = 10
/** Chances that Placement leaves behind what a refused write would have made, and that too many write at once. */
const LEFT = 0.3
const CONTENDED = 0.03
/** What is held up when the faults stop arrives within so long (ms). */
const PARKED_MS = 20_000
const CALM_LATENCY_MS = 50
/** Apart from all seeds that a life has else. */
const MORE = 0x5eed0000
const SALT = 0x1000003

/** When a process may be struck: more likely while something that it sent is late. */
const STRIKING: readonly Stage[] = ['sent', 'ran', 'request_late']
const LATE_STRIKES = 8
/** Chance that others act on the books while what would end a request is late. */
const MEDDLED = 0.8

export interface WorldParts {
  readonly seed: number
  /** 0, or another for a life of the same requests in which chance falls otherwise. */
  readonly salt: number
  readonly ledger: LedgerName
  readonly mutant: Mutant
  readonly tell: ((line: string) => void) | null
  /** Instead of that which the seed draws. */
  readonly climate: Climate | null
}

export class World {
  readonly climate: Climate
  readonly names = namesOf('ferryman')
  readonly clock: VirtualClock
  /** Where the ledger is apart from the journal: Placement. */
  readonly placement: MemoryPlacement | null
  readonly slot: MemorySlot
  /** Where the books are kept: in the slot, unless the ledger is apart. */
  readonly books: MemorySlot
  readonly server: MemoryBroker
  readonly judge: Judge
  readonly trace: Trace
  readonly mutant: Mutant
  readonly scheduler: Scheduler
  readonly parking: Parking
  /** One for each place where a worker runs; a dead one is replaced. */
  readonly members: Member[] = []
  /** All that ever ran: what they sent may still be under way. */
  readonly everyone: Member[] = []
  readonly faults = new Map<string, number>()
  /** Writes of others than Ferryman, as events. */
  readonly foreign: EventBody[] = []
  readonly seed: SeedDocument
  readonly random: Random
  calm = false
  /** Nothing is started any more. */
  over = false
  /** Whether the replicas lack what was written last; null where none is waited for. */
  readonly behind: (() => boolean) | null
  #falling = false
  #blows = 0
  #runs = 1
  #generation = 0
  #replacing = 0

  constructor({ seed, salt, ledger, mutant, tell, climate: given }: WorldParts) {
    this.random = seededRandom(seed * 2 + 1)
    this.mutant = mutant
    const drawn = drawClimate(this.random, seededRandom(seed * 2 + 1 + MORE))
    const climate = given ?? drawn
    // n.b. Apart from the ledger it is always waited for a replica: a note of a send that is lost would be nobody's.
    this.climate = { ...climate, kept: climate.kept || ledger !== 'redis' }
    this.clock = virtualClock(seed + salt * SALT)
    this.trace = new Trace(this.clock, tell)
    const { leaseMs, holdMs, waitMs, sweepAfterMs, journalMs } = this.climate
    this.slot = memorySlot({
      nowUs: this.clock.nowUs,
      rules: mutant.rules,
      options: {
        leaseMs,
        holdMs,
        waitMs,
        sweepAfterMs,
        journalMs,
        graceMs: leaseMs + GRACE_MORE_MS,
        tombstoneMs: TOMBSTONE_MS,
      },
    })
    this.placement = ledger === 'redis' ? null : this.#placementOf(seed, mutant)
    this.books = this.placement?.books ?? this.slot
    const { slot, books, names, trace } = this
    this.judge = new Judge({ slot, books, names, trace, kept: this.climate.kept })
    this.server = new MemoryBroker(this.clock, this.names, this.judge.tellings)
    this.parking = new Parking({ chance: this.climate.parked, random: this.clock.random, timer: this.clock.timer })
    const mayFall = this.climate.storms.some(({ kind }) => kind === 'failover')
    this.behind = mayFall && this.climate.kept ? () => this.#falling : null
    this.scheduler = new Scheduler(this)
    this.seed = this.scheduler.seed()
    seedSlot(this.books, this.seed)
  }

  /** Of every second seed it is one that takes no write to a provider that is over-committed. */
  #placementOf(seed: number, mutant: Mutant): MemoryPlacement {
    const now = (chance: number) => () => !this.calm && this.clock.random() < chance
    return memoryPlacement(memorySlot({ nowUs: this.clock.nowUs, rules: mutant.rules }), {
      rules: { ...PLACEMENT_RULES, refusesOverCommitted: seed % 2 === 0, ...mutant.placement },
      leaves: now(LEFT),
      contended: now(CONTENDED),
    })
  }

  start(): void {
    const { climate, clock } = this
    for (let place = 0; place < climate.workers; place++) this.#startAt(place)
    for (const storm of climate.storms) clock.timer(storm.atMs, () => this.#strike(storm))
    this.scheduler.start()
  }

  /** From now on nothing fails any more. What is under way may still arrive late. */
  calmDown(): void {
    this.trace.note('world', 'all faults stop')
    this.calm = true
    this.server.blocked = false
    this.server.eventsBound = true
    this.parking.close(PARKED_MS)
    for (const member of this.everyone) calm(member)
  }

  /** Everything that was asked has been answered, and nothing is left of it anywhere. */
  get atRest(): boolean {
    if (!this.scheduler.done || !this.server.empty || this.#replacing > 0) return false
    const { open, tickets, restoring, metaRun, run } = this.slot
    if (restoring !== null || metaRun !== run) return false
    if (open.size > 0 || tickets.size > 0) return false
    return this.members.every(({ worker, process }) => process.state === 'running' && worker.inHand === 0)
  }

  /** What keeps it from being at rest. */
  unrest(): string {
    const { slot, server } = this
    const { ready, unsettled, delayed } = server.depths
    const hands = this.members
      .map(({ name, process, worker }) => `${name} ${process.state} ${worker.inHand}`)
      .join(', ')
    const reasons = this.members.map(({ name, worker }) => `${name}: ${worker.reasons().join(', ')}`).join('; ')
    return (
      `run ${slot.run}, restoring ${slot.restoring}; ` +
      `queue ${ready}, unsettled ${unsettled}, delayed ${delayed}; open ${[...slot.open.keys()].join(' ')}; ` +
      `tickets ${JSON.stringify([...slot.tickets.values()])}; in hand ${hands}; not consuming because ${reasons}`
    )
  }

  /** A call of a process has come to `stage`: counted, and now and then the process dies or freezes of it. */
  struck(member: Member, stage: Stage, { name, request }: Command): void {
    if (stage === 'ran' && request !== null) this.parking.stepped(request)
    if (stage !== 'sent' && stage !== 'ran' && stage !== 'answered') this.count(stage)
    const decides = name === 'journal.decide' || name === 'ledger.apply' || name === 'ledger.delete'
    if (!this.calm && name === 'journal.begin' && stage === 'ran') this.#meddle(this.climate.meddling, request)
    if (!this.calm && decides && stage === 'request_late') this.#meddle(MEDDLED, request)
    const isOfFlow = name.startsWith('journal.') || name.startsWith('ledger.') || name === 'broker.publish'
    if (this.calm || !isOfFlow || !STRIKING.includes(stage) || this.#blows >= BLOWS_MAX) return
    const { crash, freeze, leaseMs } = this.climate
    const chance = this.clock.random()
    if (chance >= (crash + freeze) * (stage === 'request_late' ? LATE_STRIKES : 1)) return
    const dies = this.clock.random() * (crash + freeze) < crash
    this.#blows += 1
    const ms = Math.round(between(this.clock.random, 100, leaseMs * 3))
    this.clock.timer(0, () => (dies ? this.#crash(member, ms) : this.#freeze(member, ms)))
  }

  /** Others act on the books in this very moment, mostly where `request` is to go. */
  #meddle(chance: number, request: string | null): void {
    const { random } = this.clock
    if (random() >= chance) return
    const roll = random()
    this.clock.timer(0, () => {
      if (roll < 0.7 && request !== null) this.scheduler.makeRoomFor(request)
      else if (roll < 0.85) this.#moveByOthers(random())
      else this.scheduler.changeRoom()
    })
  }

  count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1)
  }

  #startAt(place: number): void {
    const member = new Member(this, `w${place + 1}.${++this.#generation}`)
    if (this.calm) calm(member)
    this.members[place] = member
    this.everyone.push(member)
    member.start()
  }

  #crash(member: Member, ms: number): void {
    const place = this.members.indexOf(member)
    if (place < 0 || member.process.state === 'killed') return
    this.count('crash')
    member.kill(this.clock.random() * 1_000)
    this.#replaceIn(place, ms)
  }

  #replaceIn(place: number, ms: number): void {
    this.#replacing += 1
    this.clock.timer(ms, () => {
      this.#replacing -= 1
      this.#startAt(place)
    })
  }

  #freeze(member: Member, ms: number): void {
    if (member.process.state !== 'running') return
    this.count('freeze')
    member.freeze(ms, this.clock.random() < 0.5)
  }

  #strike({ kind, share, ms }: Storm): void {
    const place = Math.floor(share * this.members.length)
    const member = this.members[place]!
    const { server, slot, clock, trace } = this
    if (kind === 'crash') return this.#crash(member, ms)
    if (kind === 'freeze') return this.#freeze(member, ms)
    if (kind === 'foreign') return this.#moveByOthers(share)
    if (kind === 'room') return this.scheduler.changeRoom()
    this.count(kind)
    trace.note('world', kind, `${ms} ms`, member.name)
    switch (kind) {
      case 'restart':
        return restart(slot, `run-${++this.#runs}`)
      case 'failover':
        return this.#failover(ms)
      case 'break':
        return member.broker.break(clock.random() * 500, Math.min(ms, 3_000))
      case 'roll':
        return this.#roll(place, member)
      case 'clock':
        this.judge.locks.clockSet()
        return clock.step(share < 0.5 ? ms : -ms)
      case 'blocked':
        server.blocked = true
        clock.timer(ms, () => {
          server.blocked = false
        })
        return
      case 'unbound':
        server.eventsBound = false
        clock.timer(ms, () => {
          server.eventsBound = true
        })
        return
      case 'silent':
      case 'refusing':
        return this.#cutOff(share < 0.5 && member.ledger !== member.store ? member.ledger : member.store, kind, ms)
    }
  }

  /** From now on no replica follows; after `ms` one takes over, and what was written since is lost. */
  #failover(ms: number): void {
    // n.b. A store that comes back empty passes for a new one: that it is noticed is not promised.
    if (this.#falling || this.slot.metaRun === '') return
    const { slot, books, clock, foreign, judge, trace } = this
    const replica = checkpoint(slot)
    const count = foreign.length
    this.#falling = true
    clock.timer(ms, () => {
      this.#falling = false
      if (this.calm) return
      trace.note('world', 'a replica takes over')
      failover(slot, replica, `run-${++this.#runs}`)
      judge.tailLost(books === slot ? foreign.splice(count) : [])
    })
  }

  #cutOff({ weather }: Connection, kind: 'silent' | 'refusing', ms: number): void {
    weather.state = kind
    this.clock.timer(ms, () => {
      weather.state = 'up'
    })
  }

  /** A worker is ended as by a deployment, and the next one takes its place. */
  #roll(place: number, member: Member): void {
    if (member.process.state === 'killed') return
    if (this.clock.random() < 0.3)
      this.clock.timer(this.clock.random() * this.climate.leaseMs, () => member.worker.force())
    void member.stop().then(() => {
      if (this.members[place] === member && !this.over) this.#startAt(place)
    })
  }

  /** Somebody else moves a consumer, as an operator or Nova may. */
  #moveByOthers(share: number): void {
    const { books, seed, random } = this
    const id = pick(random, seed.consumers).id
    const host = pick(random, seed.providers).id
    const before = consumerOf(books, id)
    const allocations =
      share < 0.8 && Object.keys(before.allocations).length > 0
        ? { [host]: Object.values(before.allocations)[0]! }
        : { [host]: { VCPU: whole(random, 1, 2) } }
    seedSlot(
      books,
      { providers: [], consumers: [{ id, type: 'INSTANCE', project: 'p', user: 'u', allocations }] },
      true,
    )
    const after = consumerOf(books, id)
    if (after.generation === before.generation) return
    this.count('foreign')
    this.trace.note(
      'others',
      `move ${id}`,
      () => `${JSON.stringify(before.allocations)} → ${JSON.stringify(after.allocations)}`,
    )
    const { restoring, metaRun, run } = this.slot
    if (books === this.slot && (restoring !== null || metaRun !== run)) this.judge.tail.changed(id)
    this.judge.deeds?.others(`foreign ${this.foreign.length}`, id)
    const outcome = { code: 'applied', class: 'done', effect: 'happened', message: '' } as const
    this.foreign.push({
      request: `foreign ${this.foreign.length}`,
      outcome,
      before: { [id]: before },
      after: { [id]: after },
    } as unknown as EventBody)
  }
}

/** Both ways of a process work again. */
function calm({ store, link, ledger }: Member): void {
  for (const { weather } of [store, link, ledger]) {
    const latencyMs = Math.min(weather.latencyMs, CALM_LATENCY_MS)
    Object.assign(weather, { latencyMs, requestLost: 0, replyLost: 0, late: 0, replyLate: 0, noticeLost: 0 })
  }
  store.weather.state = 'up'
  ledger.weather.state = 'up'
}
