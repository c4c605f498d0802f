// A worker that dies between two steps: after the write, the event, or the confirm. The next one tells the same.
import { expect } from 'chai'
import { uuidOf } from '../support/crowd.ts'
import { faultsOfTelling, LEDGERS, openInstallation, type Installation } from '../support/installation.ts'
import { holdings, movedBooks, moversBooks, moves, requestsOf } from '../support/installation-moves.ts'
import { losingProxy, type LosingProxy } from '../support/installation-proxies.ts'
import { until, type WorkerUnderTest } from '../support/installation-workers.ts'

const COUNT = 8
const REQUESTS = requestsOf(COUNT)
/** One that can be decided, and is refused: it has a letter too. */
const REFUSED = { ...moves(1)[0], id: uuidOf('refused'), source: uuidOf('nowhere') }
const ALL = [...REQUESTS, REFUSED.id]

for (const ledger of LEDGERS)
  describe(`a worker killed on ${ledger}`, () => {
    let installation: Installation
    let proxy: LosingProxy
    let worker: WorkerUnderTest
    beforeEach(async () => {
      installation = await openInstallation({ ledger })
      await installation.seed(moversBooks(COUNT))
      const url = installation.env['FERRYMAN_RABBITMQ_URL']!
      proxy = await losingProxy(Number(new URL(url).port))
      worker = await installation.worker({ FERRYMAN_RABBITMQ_URL: proxy.urlOf(url), FERRYMAN_LOCK_LEASE_MS: '1500' })
    })
    afterEach(async () => {
      await installation.close()
      await proxy.close()
    })
    const ask = (): Promise<void> => installation.ask(...moves(COUNT), REFUSED)

    /** Kills it, lets another finish, and gives what the journal had written down at the moment of death. */
    const killed = async (): Promise<Map<string, string>> => {
      worker.signal('SIGKILL')
      await worker.ended
      const shown = await Promise.all(ALL.map((id) => installation.cli(['transfers', 'show', id, '--json'])))
      const written = shown.map(({ out }) => JSON.parse(out) as { id: string; event: unknown })
      await installation.worker({ FERRYMAN_LOCK_LEASE_MS: '1500' })
      return new Map(written.map(({ id, event }) => [id, JSON.stringify(event)]))
    }

    /** `copies` events of each request, all as written before the death; one effect, nothing left. */
    const expectSame = async (written: Map<string, string>, copies: number): Promise<void> => {
      // n.b. Sooner than the sweep, which would tell also what was acknowledged too early.
      await until('all was told', () => ALL.every((id) => installation.events.of(id).length >= copies), 45_000)
      expect(await installation.faultsAtRest()).to.deep.equal([])
      for (const id of ALL) {
        expect(installation.events.of(id).map(({ body }) => body.toString('utf8'))).to.deep.equal(
          Array(copies).fill(written.get(id)),
        )
      }
      expect(installation.letters.of(REFUSED.id)).to.have.length(copies)
      expect(faultsOfTelling(installation, ALL)).to.deep.equal([])
      expect(holdings(await installation.dump())).to.deep.equal(movedBooks(COUNT))
    }

    it('between the write and the telling: the redelivery tells the decision as it was written', async () => {
      proxy.lose('publish')
      await ask()
      const undecided = async (): Promise<number> =>
        (await installation.transfers()).filter(({ code }) => code === null).length
      await until(
        'every request is decided',
        async () => (await installation.transfers()).length === ALL.length && (await undecided()) === 0,
      )
      expect(installation.events.all).to.deep.equal([])
      await expectSame(await killed(), 1)
    }).timeout(90_000)

    it('between the telling and its confirm: the redelivery tells the same bytes again', async () => {
      proxy.lose('confirm')
      await ask()
      await until('every event came', () => ALL.every((id) => installation.events.of(id).length > 0) && proxy.lost > 0)
      await until('the letter came', () => installation.letters.of(REFUSED.id).length > 0)
      expect((await installation.transfers()).filter(({ state }) => state === 'told')).to.deep.equal([])
      await expectSame(await killed(), 2)
    }).timeout(90_000)

    it('between the confirm and the acknowledgement: the redelivery is answered from the journal', async () => {
      proxy.lose('ack')
      await ask()
      await until(
        'every request is acknowledged, in vain',
        () => proxy.lost >= 1 && worker.said('request.told').length === ALL.length,
      )
      await until('each was told', () => ALL.every((id) => installation.events.of(id).length > 0))
      await expectSame(await killed(), 2)
      expect((await installation.transfers()).map(({ attempts }) => attempts)).to.deep.equal(Array(ALL.length).fill(1))
    }).timeout(90_000)
  })
