// Statements about RabbitMQ: exchanges, queues, bindings, policies, and what happens when they change.
import { notYet, shown, type Section } from './statement.ts'

const OBJECTS = 'broker: are the queues of the contract, declared with their type and nothing else'
const POLICIES = 'broker: have one policy each, named like the object, its pattern anchored and escaped'
const BINDINGS = 'broker: are bound as the contract has it: requests by transfer.#, journals and letters by #'
const ARGUMENTS =
  'broker: have their wiring in arguments where there is no management API, and verify says what it left out'

export const TOPOLOGY: Section = {
  title: '1. Topology',
  statements: [
    shown(
      'topology.exchanges',
      'Four durable exchanges: topics for requests, events and letters, a fanout for strays.',
      'broker: are the exchanges of the contract, durable',
    ),
    shown(
      'topology.queues',
      'Quorum queues for requests, letters, strays and the five delays; streams for the two journals.',
      OBJECTS,
    ),
    shown('topology.bindings', 'Requests come by `transfer.#`, journals and letters by `#`.', BINDINGS),
    shown('topology.bare', 'Queues are declared with their type and nothing that may have to change.', OBJECTS),
    shown('topology.policies', 'One policy a queue, named like it, with an anchored and escaped pattern.', POLICIES),
    shown('topology.alternate', 'The alternate exchange stands in the policy `<prefix>.requests.exchange`.', POLICIES),
    shown(
      'topology.broker-letters',
      'Letters that the broker makes get the routing key `operator.broker`; the delivery limit is 1000.',
      POLICIES,
    ),
    shown(
      'topology.ladder',
      'Each delay leads into the queue of requests through the default exchange, to no other binding.',
      'broker: lead from the ladder into the queue of requests, and to no other binding of the exchange',
    ),
    shown('topology.journal-days', 'Both journals are kept for `rabbitmq.journalDays`, by default 30.', POLICIES),
    shown(
      'topology.prefix',
      'The prefix has its syntax, and two installations with different ones never meet.',
      'broker: do not meet those of another prefix',
    ),
    shown(
      'topology.unroutable',
      'What no binding wanted is kept, never returned, and counted in the status and a metric.',
      'unroutable: is never returned, is kept and counted, with and without a worker, and is no open letter',
    ),
    shown(
      'topology.no-management',
      'Without a management API the wiring stands in arguments, and verify names what it did not compare.',
      ARGUMENTS,
      'topology: without the management API arguments are made, existence is verified, the rest is named',
    ),
    shown(
      'topology.management-down',
      'A management API that was set and does not answer is waited for, then 69.',
      'topology: a management API that was set and does not answer is waited for, then 69, and nothing is declared',
    ),
    shown(
      'topology.create',
      'Create looks first and makes only what is missing; again it makes nothing.',
      'topology: plan says what apply makes, makes nothing, and exits 1; apply makes just that, once',
    ),
    shown(
      'topology.verify',
      'Verify declares nothing, compares, and refuses to start with a table that names the mending command.',
      'work: ends a worker with 78 and a table when the topology is not there and may only be verified',
      'topology: plan and apply name what only a person can mend, and verify exits 78 with the command',
    ),
    shown(
      'topology.effective',
      'What counts is the effective value, by argument or by policy.',
      'topology: verify names an operator policy that overrides ours, and the command that clears it',
    ),
    shown(
      'topology.deleted',
      'A queue deleted under a worker: not ready; create declares it again, verify waits for it.',
      'watch: is not ready within 5 s when its queue is deleted, with reasons as JSON, and declares it again',
      'changes: is waited for in verify: 503 within 5 s with the reason and the command, 200 once it is mended',
    ),
    shown(
      'topology.few-rights',
      'In verify a worker needs no right to configure.',
      'rights: does all its work in verify with what the documentation grants: events, letters, the desk',
    ),
    shown(
      'topology.restarts',
      'No request is dead-lettered because of restarts of its workers.',
      'storm: leaves 400 requests with one effect and one answer each, and the books balanced',
    ),
    shown(
      'poison.alone',
      'Deaths in company make a suspect, which is processed alone; so many deaths alone make it `poison`.',
      'poison: because of one of them ends that one as poison after 5 deaths alone, and no neighbour',
    ),
    shown(
      'poison.restarts',
      'No request is ever dead-lettered because of restarts.',
      'rolling: lose nothing, leave no letter but of refusals, and are no deaths',
    ),
    notYet(
      'poison.begun',
      'A death counts only with the request begun; waiting for a lock is not begun.',
      'shown by test/contract/deaths.rules.ts within the process',
    ),
    notYet(
      'pause.hand-back',
      'A pause hands back what is in hand, and resumes with prefetch 1 first.',
      'shown by test/unit/worker/pause.test.ts within the process',
    ),
  ],
}
