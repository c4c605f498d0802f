// Which differences of an existing topology are reported, and what is said to mend them.
import { expect } from 'chai'
import { compare, policiesToPut, type Facts } from '../../../src/broker/rabbit/compare.ts'
import type { FoundObject, FoundPolicy } from '../../../src/broker/rabbit/management.ts'
import { topologyOf } from '../../../src/broker/topology.ts'

const topology = topologyOf('p', { journalDays: 30, deliveryLimit: 1000 })

/** Everything as wanted. */
function asWanted(): Facts {
  return {
    vhost: '/',
    policies: topology.policies.map(({ name, pattern, applyTo, priority, definition }) => ({
      name,
      pattern,
      'apply-to': applyTo,
      priority,
      definition,
    })),
    operatorPolicies: [],
    queues: Object.fromEntries(topology.queues.map(({ name, type }) => [name, object(type, { 'x-queue-type': type })])),
    exchanges: Object.fromEntries(topology.exchanges.map(({ name, type }) => [name, object(type, {})])),
    bindings: Object.fromEntries(
      topology.queues.map(({ name }) => [
        name,
        topology.bindings
          .filter(({ queue }) => queue === name)
          .map(({ exchange, routingKey }) => ({ source: exchange, routing_key: routingKey })),
      ]),
    ),
  }
}

function object(type: string, args: Record<string, unknown>): FoundObject {
  return { type, durable: true, arguments: args }
}

function rows(facts: Facts): string[] {
  return compare(topology, facts).map(
    ({ object: name, argument, wanted, found }) => `${name}, ${argument}: ${wanted}, ${found}`,
  )
}

function policy(name: string, pattern: string, priority: number, definition: FoundPolicy['definition']): FoundPolicy {
  return { name, pattern, priority, definition, 'apply-to': 'queues' }
}

describe('comparing the topology', () => {
  it('finds nothing where all is as wanted, and has nothing to put', () => {
    expect(rows(asWanted())).to.deep.equal([])
    expect(policiesToPut(topology, asWanted())).to.deep.equal([])
  })

  it('names each object that is not there', () => {
    const facts = { ...asWanted(), queues: {}, exchanges: {} }
    expect(rows(facts)).to.have.length(14).and.to.include('queue p.requests, existence: there, not there')
  })

  it('counts the argument before the policy', () => {
    const facts = asWanted()
    const queues = {
      ...facts.queues,
      'p.requests': object('quorum', { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': 'elsewhere' }),
    }
    expect(rows({ ...facts, queues })).to.deep.equal([
      'queue p.requests, dead-letter-exchange: p.dead-letters, elsewhere',
    ])
    expect(compare(topology, { ...facts, queues })[0]?.fix).to.match(
      /^drain it, rabbitmqctl delete_queue -p \/ p\.requests/,
    )
  })

  it('counts the smaller of argument and policy for a limit', () => {
    const facts = asWanted()
    const queues = {
      ...facts.queues,
      'p.requests': object('quorum', { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 }),
    }
    expect(rows({ ...facts, queues })).to.deep.equal(['queue p.requests, delivery-limit: 1000, 5'])
  })

  it('takes wiring in arguments for as good as in policies', () => {
    const facts = asWanted()
    const queues = Object.fromEntries(
      topology.queues.map(({ name, type, definition }) => [
        name,
        object(type, {
          'x-queue-type': type,
          ...Object.fromEntries(Object.entries(definition).map(([key, value]) => [`x-${key}`, value])),
        }),
      ]),
    )
    const exchanges = Object.fromEntries(
      topology.exchanges.map(({ name, type, definition }) => [name, object(type, definition)]),
    )
    expect(rows({ ...facts, policies: [], queues, exchanges })).to.deep.equal([])
    expect(policiesToPut(topology, { ...facts, policies: [], queues, exchanges })).to.deep.equal([])
  })

  it('lets a higher delivery limit stand, and reports a lower one', () => {
    const limited = (limit: number): Facts => {
      const facts = asWanted()
      const policies = facts.policies.map((one) =>
        one.name === 'p.requests' ? { ...one, definition: { ...one.definition, 'delivery-limit': limit } } : one,
      )
      return { ...facts, policies }
    }
    expect(rows(limited(5000))).to.deep.equal([])
    expect(rows(limited(3))).to.deep.equal(['queue p.requests, delivery-limit: 1000, 3'])
    expect(policiesToPut(topology, limited(3)).map(({ name }) => name)).to.deep.equal(['p.requests'])
  })

  it('names the policy that outranks ours', () => {
    const facts = asWanted()
    const found = compare(topology, {
      ...facts,
      policies: [...facts.policies, policy('all', '.*', 200, { 'ha-mode': 'all' })],
    })
    expect(found.filter(({ object: name }) => name === 'queue p.events.journal')).to.deep.equal([
      {
        object: 'queue p.events.journal',
        argument: 'max-age',
        wanted: '30D',
        found: 'not set',
        fix: 'lower the priority of policy all below 100, or rabbitmqctl clear_policy -p / all',
      },
    ])
  })

  it('is not bothered by a catch-all policy below ours', () => {
    const facts = asWanted()
    expect(rows({ ...facts, policies: [...facts.policies, policy('all', '.*', 0, { expires: 1000 })] })).to.deep.equal(
      [],
    )
  })

  it('reports an operator policy that lets requests expire', () => {
    expect(
      rows({ ...asWanted(), operatorPolicies: [policy('op', '^p\\.requests$', 0, { 'message-ttl': 60_000 })] }),
    ).to.deep.equal(['queue p.requests, message-ttl: not set, 60000'])
  })

  it('reports another queue type, and what is not durable', () => {
    const facts = asWanted()
    const queues = { ...facts.queues, 'p.unroutable': { type: 'classic', durable: false, arguments: {} } }
    expect(rows({ ...facts, queues })).to.deep.equal([
      'queue p.unroutable, x-queue-type: quorum, classic',
      'queue p.unroutable, durable: true, false',
    ])
  })

  it('reports a missing binding', () => {
    const facts = asWanted()
    expect(rows({ ...facts, bindings: { ...facts.bindings, 'p.events.journal': [] } })).to.deep.equal([
      'binding p.events → p.events.journal, routing key: #, not there',
    ])
  })

  it('reports an exchange without its alternate exchange', () => {
    const facts = asWanted()
    expect(
      rows({ ...facts, policies: facts.policies.filter(({ name }) => name !== 'p.requests.exchange') }),
    ).to.deep.equal(['exchange p.requests, alternate-exchange: p.unroutable, not set'])
  })
})
