// Statements about settings, probes, metrics and what a deployment must give.
import { notYet, shown, type Section } from './statement.ts'

const WATCHED = 'watch: has every metric from the first scrape, with HELP, TYPE and a value or its labels'
const PROBES = 'watch: says that it lives and is ready, and logs the port that it has taken'
const SECRETS = 'settings: may stand in a file of their own where they are secret, never in both, and are masked'

export const SETTINGS: Section = {
  title: '7. Settings and watching',
  statements: [
    shown(
      'settings.order',
      'Files, then environment, then flags: the later wins, and the origin is shown.',
      'settings: come from file, environment and flag, the later over the earlier, and say from where',
    ),
    shown('settings.secret-files', 'A secret may come as `…_FILE`; both at once is an error.', SECRETS),
    shown(
      'settings.masked',
      '`config print` shows value and origin, and masks secrets.',
      SECRETS,
      'cli: prints settings with origin and without secrets',
    ),
    shown(
      'settings.unknown-key',
      'An unknown key in a file: 78.',
      'settings: end with 78 for an unknown key in a file, and name it',
    ),
    shown(
      'settings.unknown-variable',
      'An unknown variable: a warning with the nearest name.',
      'settings: warn of an unknown variable with the nearest name, and go on',
      'cli: warns of variables that are no settings',
    ),
    shown(
      'settings.defaults',
      'Every variable has its name and default.',
      'settings: have the names and the defaults of the contract',
    ),
    shown(
      'settings.namespace',
      'The namespace follows the prefix; production verifies the topology.',
      'settings: follow the prefix in the namespace, and verify the topology in production',
    ),
    shown(
      'settings.prefetch',
      'The prefetch equals the concurrency, by default 64.',
      'watch: has as many requests in hand as its concurrency says, by prefetch',
    ),
    shown('http.endpoints', '`/livez`, `/readyz`, `/metrics`; port 0 is any, and logged.', PROBES),
    shown(
      'readyz.reasons',
      'Not ready within 5 s, with the reasons as JSON: queue, Redis, broker.',
      'watch: is not ready within 5 s when its queue is deleted, with reasons as JSON, and declares it again',
      'outages: of Redis: frozen for 3 s, and killed and started again',
    ),
    shown(
      'readyz.draining',
      'A worker that drains is not ready.',
      'stop: hands it back when the time to drain is over, and exits with 75',
    ),
    shown(
      'metrics.names',
      'The metrics are there from the first scrape, with HELP and TYPE, and carry no ids.',
      WATCHED,
    ),
    shown('metrics.labels', 'They have the labels of the contract, and no others.', WATCHED),
    shown('metrics.count', 'They count what was told.', 'work: has numbers about it all in its metrics'),
    shown(
      'log',
      'Every line of the log is JSON, without a password.',
      'work: drains on a signal: exit 0, and every line of its log is JSON without a password',
    ),
    shown(
      'redis.checks',
      'A start checks appendonly, the eviction policy, and 80 % of maxmemory.',
      'store: is warned of at the start of a worker, and fails doctor, each with the fix',
      'store: is not warned of once it keeps everything; a sync every second is named with what it may lose',
      'store: pauses consumption at 80 % of maxmemory, says so in /readyz, and goes on when there is room',
    ),
    notYet('redis.cluster', '`redis+cluster://`.', 'not part of this version'),
    notYet(
      'tombstones',
      'A decided record becomes a packed tombstone that still answers duplicates.',
      'shown by test/chaos/tombstones.test.ts, which makes records old by hand in Redis',
    ),
    shown(
      'failover.wait',
      'With Sentinel a decision is told only after a replica has it.',
      'failover: finds nothing told that the replica does not have',
    ),
    shown(
      'failover.restore',
      'After a change of the run id one worker restores from the events journal.',
      'failover: contradicts nothing that was told, and carries out each request once',
    ),
    shown(
      'placement',
      '`FERRYMAN_LEDGER=placement` with a token, its markers, and each operation on it.',
      'lost: is read from the marker: each operation ends applied, once',
      'lost: and the worker killed before it reads the marker: the next one settles each, and tells it applied',
    ),
    notYet('placement.keystone', 'Keystone by `OS_*` variables or `clouds.yaml`.', 'not part of this version'),
  ],
}
