// What the topology says of each object, and that one installation's policies never touch another's queues.
import { expect } from 'chai'
import * as fc from 'fast-check'
import { definitionsOf, topologyOf } from '../../../src/broker/topology.ts'

const settings = { journalDays: 30, deliveryLimit: 1000 }

describe('topology', () => {
  const topology = topologyOf('ferryman', settings)
  const queue = (name: string): object | undefined => topology.queues.find((one) => one.name === name)?.definition

  it('has exactly the exchanges and queues of the contract', () => {
    expect(topology.exchanges.map(({ name, type }) => `${name} ${type}`).toSorted()).to.deep.equal([
      'ferryman.dead-letters topic',
      'ferryman.events topic',
      'ferryman.requests topic',
      'ferryman.unroutable fanout',
    ])
    expect(topology.queues.map(({ name, type }) => `${name} ${type}`).toSorted()).to.deep.equal([
      'ferryman.dead-letters quorum',
      'ferryman.dead-letters.journal stream',
      'ferryman.events.journal stream',
      'ferryman.requests quorum',
      'ferryman.retry.10m quorum',
      'ferryman.retry.1s quorum',
      'ferryman.retry.2m quorum',
      'ferryman.retry.30s quorum',
      'ferryman.retry.5s quorum',
      'ferryman.unroutable quorum',
    ])
  })

  it('binds each queue as the contract says', () => {
    expect(
      topology.bindings.map(({ exchange, queue: to, routingKey }) => `${exchange} ${to} ${routingKey}`).toSorted(),
    ).to.deep.equal([
      'ferryman.dead-letters ferryman.dead-letters #',
      'ferryman.dead-letters ferryman.dead-letters.journal #',
      'ferryman.events ferryman.events.journal #',
      'ferryman.requests ferryman.requests transfer.#',
      'ferryman.unroutable ferryman.unroutable ',
    ])
  })

  it('lets each ladder queue expire into the queue of requests through the default exchange', () => {
    const delays = { '1s': 1_000, '5s': 5_000, '30s': 30_000, '2m': 120_000, '10m': 600_000 }
    for (const [delay, delayMs] of Object.entries(delays)) {
      expect(queue(`ferryman.retry.${delay}`)).to.deep.equal({
        'message-ttl': delayMs,
        'dead-letter-exchange': '',
        'dead-letter-routing-key': 'ferryman.requests',
        'dead-letter-strategy': 'at-least-once',
        overflow: 'reject-publish',
      })
    }
  })

  it('dead-letters requests at least once, under operator.broker', () => {
    expect(queue('ferryman.requests')).to.deep.equal({
      'delivery-limit': 1000,
      'dead-letter-exchange': 'ferryman.dead-letters',
      'dead-letter-routing-key': 'operator.broker',
      'dead-letter-strategy': 'at-least-once',
      overflow: 'reject-publish',
    })
  })

  it('keeps journals for the days that are set', () => {
    expect(
      topologyOf('p', { ...settings, journalDays: 7 })
        .queues.filter(({ type }) => type === 'stream')
        .map(({ definition }) => definition),
    ).to.deep.equal([{ 'max-age': '7D' }, { 'max-age': '7D' }])
  })

  it('puts the alternate exchange into the policy of the exchange', () => {
    expect(topology.policies.find(({ name }) => name === 'ferryman.requests.exchange'))
      .to.include({
        pattern: '^ferryman\\.requests$',
        applyTo: 'exchanges',
      })
      .and.to.have.deep.property('definition', { 'alternate-exchange': 'ferryman.unroutable' })
  })

  it('has one policy a queue, named like it, that matches this queue and no other of any prefix', () => {
    const prefix = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/)
    fc.assert(
      fc.property(prefix, prefix, (one, other) => {
        const names = [one, other].flatMap((each) => topologyOf(each, settings).queues.map(({ name }) => name))
        for (const { name, pattern, applyTo } of topologyOf(one, settings).policies) {
          if (applyTo !== 'queues') continue
          const matched = new Set(names.filter((each) => new RegExp(pattern).test(each)))
          expect([...matched]).to.deep.equal([name])
        }
      }),
    )
  })

  it('names every object in the definitions to export, and puts nothing that may change into arguments', () => {
    const definitions = definitionsOf(topology, '/')
    expect(Object.entries(definitions).map(([kind, list]) => `${kind} ${list.length}`)).to.deep.equal([
      'policies 11',
      'exchanges 4',
      'queues 10',
      'bindings 5',
    ])
    for (const one of definitions['queues'] as { arguments: object }[])
      expect(Object.keys(one.arguments)).to.deep.equal(['x-queue-type'])
  })
})
