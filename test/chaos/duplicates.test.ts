// One id, one effect, one decision: however often a request comes, wherever, and with whatever content.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling, LEDGERS, openInstallation, toldOf, type Installation } from '../support/installation.ts'
import { isDecision, type Message } from '../support/installation-line.ts'
import {
  destinationOf,
  holdings,
  moverOf,
  moversBooks,
  moves,
  providerOf,
  requestOf,
  sourceOf,
} from '../support/installation-moves.ts'
import { until } from '../support/installation-workers.ts'

const COPIES = 50
const FULL = uuidOf('full host')
const GUEST = uuidOf('guest of the full host')

for (const ledger of LEDGERS)
  describe(`copies of a request on ${ledger}`, () => {
    let installation: Installation
    const [first, second, third] = moves(3) as Record<string, unknown>[]
    const answersOf = (request: string): readonly Message[] =>
      installation.events.of(request).filter((message) => !isDecision(message))

    before(async () => {
      installation = await openInstallation({ ledger })
      const { providers, consumers } = moversBooks(3)
      const guest = { ...consumers[0]!, id: GUEST, allocations: { [FULL]: { VCPU: 3 } } }
      await installation.seed({
        providers: [...providers, providerOf(FULL, 'full', 4)],
        consumers: [...consumers, guest],
      })
      await Promise.all([1, 2, 3].map(() => installation.worker({ FERRYMAN_CONCURRENCY: '16' })))
    })
    after(() => installation.close())

    it('have one effect and one event id, all events identical, when 50 come at once to several workers', async () => {
      await installation.ask(...Array.from({ length: COPIES }, () => first!))
      await until('each copy was answered', () => installation.events.of(requestOf(0)).length >= COPIES)
      const told = installation.events.of(requestOf(0))
      expect(new Set(told.map(({ body }) => body.toString('utf8')))).to.have.length(1)
      expect(new Set(told.map(({ properties }) => properties.messageId as string))).to.deep.equal(
        new Set([`${requestOf(0)}/applied`]),
      )
      expect(toldOf(told[0]!).after![moverOf(0)]!.allocations).to.deep.equal({ [destinationOf(0)]: { VCPU: 2 } })
      expect(holdings(await installation.dump())[moverOf(0)]).to.deep.equal({ [destinationOf(0)]: { VCPU: 2 } })
    }).timeout(60_000)

    it('with other content are id_reused, and leave the decision of the id alone, before it and after', async () => {
      const other = { ...second, source: sourceOf(2), context: { other: true } }
      const both = Array.from({ length: 10 }, () => [second!, other]).flat()
      await installation.ask(...both)
      await until('each was answered', () => installation.events.of(requestOf(1)).length >= 20)
      await installation.ask(other, second!)
      await until('each was answered again', () => installation.events.of(requestOf(1)).length >= 22)
      expect(faultsOfTelling(installation, [requestOf(1)])).to.deep.equal([])
      const decided = toldOf(installation.events.of(requestOf(1)).find(isDecision)!)
      const [reused] = answersOf(requestOf(1)).map(toldOf)
      // Whichever came first owns the id. Both are possible, since no order is promised.
      expect(decided.outcome.code).to.equal(
        reused!.outcome.code === 'id_reused' &&
          decided.before![moverOf(1)] !== undefined &&
          decided.violations.length === 0
          ? 'applied'
          : 'source_unexpected',
      )
      expect(new Set(answersOf(requestOf(1)).map(({ properties }) => properties.messageId as string))).to.have.length(1)
      expect(reused!.id).to.match(new RegExp(`^${requestOf(1)}/id_reused/[0-9a-f]{12}$`))
      expect(reused).to.deep.include({ before: null, after: null })
    }).timeout(60_000)

    it('do not let another content take the place of one that waits to be decided', async () => {
      const other = { ...third, context: { other: true } }
      await installation.ask(third!)
      await installation.decision(requestOf(2))
      await installation.ask(other)
      await until('it was answered', () => answersOf(requestOf(2)).length === 1)
      expect(toldOf(answersOf(requestOf(2))[0]!).outcome).to.include({
        code: 'id_reused',
        class: 'invalid',
        effect: 'did_not_happen',
      })
      await installation.ask(third!)
      await until('the decision was told again', () => installation.events.of(requestOf(2)).length === 3)
      expect(faultsOfTelling(installation, [requestOf(2)])).to.deep.equal([])
      expect(toldOf(installation.events.of(requestOf(2))[2]!).outcome.code).to.equal('applied')
    }).timeout(60_000)

    it('of a refused request are refused with the same bytes, also after room has appeared', async () => {
      const claim = {
        version: 1,
        id: uuidOf('too late for room'),
        operation: 'transfer',
        consumer: moverOf(0),
        source: destinationOf(0),
        destination: FULL,
      }
      await installation.ask(claim)
      const refused = await installation.decision(claim.id)
      expect(refused.outcome.code).to.equal('capacity_exceeded')
      const release = { version: 1, id: uuidOf('room'), operation: 'release', consumer: GUEST }
      await installation.ask(release)
      expect((await installation.decision(release.id)).outcome.code).to.equal('applied')
      await installation.ask(claim)
      await until(
        'it was told again',
        () => installation.letters.of(claim.id).length === 2 && installation.events.of(claim.id).length === 2,
      )
      const [before, after] = installation.events.of(claim.id)
      expect(after!.body.equals(before!.body)).to.equal(true)
      const [letter, again] = installation.letters.of(claim.id)
      expect(again!.properties.headers).to.deep.equal(letter!.properties.headers)
      expect(again!.body.equals(letter!.body)).to.equal(true)
      expect(again!.properties.messageId).to.equal(letter!.properties.messageId)
    }).timeout(60_000)

    it('leave books, queues and journal at rest', async () => {
      expect(await installation.faultsAtRest()).to.deep.equal([])
    }).timeout(90_000)
  })
