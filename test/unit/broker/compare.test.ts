// Which differences of an existing topology are reported, and what is said to mend them.
import { expect } from 'chai'
import { sentenceOf } from '../../../src/broker/finding.ts'
import { compare, foreseen, policiesToPut } from '../../../src/broker/rabbit/compare.ts'
import type { Facts } from '../../../src/broker/rabbit/effective.ts'
import type { FoundObject, FoundPolicy } from '../../../src/broker/rabbit/management.ts'
import { topologyOf } from '../../../src/broker/topology.ts'

const topology = topologyOf('p', { journalDays: 30, deliveryLimit: 1000 })

const requestsDefinition = topology.queues.find(({ name }) => name === 'p.requests')!.definition

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
      /^drain it, then rabbitmqctl delete_queue -p \/ p\.requests && ferryman topology apply$/,
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
        fix: `rabbitmqctl set_policy -p / --priority 99 --apply-to queues all '.*' '{"ha-mode":"all"}'`,
      },
    ])
  })

  it('names the policy that says another value, and takes the worst of several with one priority', () => {
    const facts = asWanted()
    const rival = policy('site', '^p\\.requests$', 100, { ...requestsDefinition, 'delivery-limit': 7 })
    for (const policies of [
      [...facts.policies, rival],
      [rival, ...facts.policies],
    ]) {
      expect(rows({ ...facts, policies })).to.deep.equal([
        'queue p.requests, delivery-limit: 1000, 7 (policy site, priority 100)',
      ])
    }
    expect(rows({ ...facts, policies: [...facts.policies, { ...rival, priority: 99 }] })).to.deep.equal([])
  })

  it('lets a policy of somebody else stand that outranks ours and says the same', () => {
    const facts = asWanted()
    const rival = policy('site', '^p\\.requests$', 500, requestsDefinition)
    expect(rows({ ...facts, policies: [...facts.policies, rival] })).to.deep.equal([])
  })

  it('reads patterns as Erlang does: anchors, and a flag for the case', () => {
    const facts = asWanted()
    for (const pattern of ['\\Ap\\.requests\\z', '(?i)^P\\.REQUESTS$']) {
      expect(
        rows({ ...facts, policies: [...facts.policies, policy('site', pattern, 200, { expires: 5 })] }),
      ).to.include('queue p.requests, expires: not set, 5 (policy site, priority 200)')
    }
  })

  it('writes a policy of ours again that somebody gave another pattern, a lower priority or a harmful key', () => {
    const facts = asWanted()
    const ours = facts.policies.find(({ name }) => name === 'p.requests')!
    for (const changed of [
      { ...ours, pattern: '^q$' },
      { ...ours, priority: 1 },
      { ...ours, definition: { ...ours.definition, expires: 1 } },
    ]) {
      const policies = facts.policies.map((one) => (one === ours ? changed : one))
      expect(policiesToPut(topology, { ...facts, policies }).map(({ name }) => name)).to.deep.equal(['p.requests'])
    }
    const raised = facts.policies.map((one) => (one === ours ? { ...ours, priority: 900 } : one))
    expect(policiesToPut(topology, { ...facts, policies: raised })).to.deep.equal([])
  })

  it('is not bothered by a catch-all policy below ours', () => {
    const facts = asWanted()
    expect(rows({ ...facts, policies: [...facts.policies, policy('all', '.*', 0, { expires: 1000 })] })).to.deep.equal(
      [],
    )
  })

  it('reports an operator policy that lets requests expire', () => {
    expect(
      compare(topology, {
        ...asWanted(),
        operatorPolicies: [policy('op', '^p\\.requests$', 0, { 'message-ttl': 60_000 })],
      }),
    ).to.deep.equal([
      {
        object: 'queue p.requests',
        argument: 'message-ttl',
        wanted: 'not set',
        found: '60000 (operator policy op)',
        fix: 'rabbitmqctl clear_operator_policy -p / op',
      },
    ])
  })

  it('says in one sentence what is missing, what differs, and what must not be set', () => {
    const facts = asWanted()
    const { 'p.retry.5s': _gone, ...queues } = facts.queues
    const rivals = [policy('op', '^p.requests$', 1, { 'message-ttl': 60_000, 'delivery-limit': 3 })]
    expect(compare(topology, { ...facts, queues, operatorPolicies: rivals }).map(sentenceOf)).to.deep.equal([
      'queue p.requests: delivery-limit is 3 (operator policy op), not 1000',
      'queue p.requests: message-ttl is 60000 (operator policy op) and must not be set',
      'queue p.retry.5s is not there',
    ])
  })

  it('foresees what will override ours on what is not there yet, and nothing where nobody does', () => {
    const nothing: Facts = { ...asWanted(), policies: [], queues: {}, exchanges: {}, bindings: {} }
    expect(compare(topology, foreseen(topology, nothing))).to.deep.equal([])
    const rival = policy('rival', '^p.requests$', 700, { 'delivery-limit': 20 })
    const found = compare(topology, foreseen(topology, { ...nothing, policies: [rival] }))
    expect(found.map(sentenceOf)).to.include(
      'queue p.requests: delivery-limit is 20 (policy rival, priority 700), not 1000',
    )
    expect(found.every(({ fix }) => fix.startsWith('rabbitmqctl set_policy') && fix.includes('rival'))).to.equal(true)
  })

  it('reports another queue type, and what is not durable', () => {
    const facts = asWanted()
    const queues = { ...facts.queues, 'p.unroutable': { type: 'classic', durable: false, arguments: {} } }
    expect(rows({ ...facts, queues })).to.deep.equal([
      'queue p.unroutable, x-queue-type: quorum, classic',
      'queue p.unroutable, durable: true, false',
    ])
  })

  it('reports what goes away by itself, an exchange that nobody may publish to, and a journal cut short', () => {
    const facts = asWanted()
    const queues = { ...facts.queues, 'p.requests': { ...facts.queues['p.requests']!, auto_delete: true } }
    const exchanges = { ...facts.exchanges, 'p.events': { ...facts.exchanges['p.events']!, internal: true } }
    const operatorPolicies = [policy('small', 'journal$', 0, { 'max-length-bytes': 1000 })]
    expect(rows({ ...facts, queues, exchanges, operatorPolicies })).to.deep.equal([
      'exchange p.events, internal: false, true',
      'queue p.dead-letters.journal, max-length-bytes: not set, 1000 (operator policy small)',
      'queue p.events.journal, max-length-bytes: not set, 1000 (operator policy small)',
      'queue p.requests, auto-delete: false, true',
    ])
    const [exchange] = compare(topology, { ...facts, exchanges })
    expect(exchange?.fix).to.equal('rabbitmqadmin --vhost=/ delete exchange name=p.events && ferryman topology apply')
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
