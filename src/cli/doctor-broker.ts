// What doctor tries of RabbitMQ: connection, rights, management API, nodes, topology, and how fast it answers.
import { sentenceOf } from '../broker/finding.ts'
import { Refused } from '../retry/failures.ts'
import type { Parts, RabbitBroker } from '../wire/parts.ts'
import { ok, wrong, type Check, type Finding } from './doctor.ts'
import { EXIT } from './exit.ts'

/** Streams, and delays on quorum queues, are there from this version on. */
const VERSION_LEAST = [3, 10] as const
const ANSWERS = 20
/** Beyond this median (ms) every request is slow: it waits for several answers. */
const ANSWER_MS_MAX = 50
/** Share of a limit from which it is near. */
const NEAR = 0.8

export function brokerChecks(parts: Parts): readonly Check[] {
  return [
    {
      name: 'rabbitmq',
      fix: 'Start RabbitMQ, or correct FERRYMAN_RABBITMQ_URL: host, port, user, password, virtual host.',
      run: async () => [versionFinding((await parts.broker()).serverVersion)],
    },
    {
      name: 'rabbitmq rights',
      needs: 'rabbitmq',
      fix: 'Give the rights that docs/topology.md lists.',
      run: () => rights(parts),
    },
    {
      name: 'rabbitmq answers',
      needs: 'rabbitmq',
      fix: 'Look at the load of RabbitMQ.',
      run: () => answers(parts),
    },
    {
      name: 'management api',
      needs: 'rabbitmq',
      fix: 'Correct FERRYMAN_RABBITMQ_MANAGEMENT_URL, or set it empty where there is none.',
      run: async () => management(await parts.broker()),
    },
    {
      name: 'rabbitmq nodes',
      needs: 'management api',
      fix: 'Look at the nodes of RabbitMQ.',
      run: async () => nodes(await parts.broker()),
    },
    {
      name: 'topology',
      needs: 'management api',
      fix: 'Run ferryman topology apply.',
      run: () => topology(parts),
    },
  ]
}

function versionFinding(version: string | null): Finding {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number)
  const enough = major > VERSION_LEAST[0] || (major === VERSION_LEAST[0] && minor >= VERSION_LEAST[1])
  const found = `connected, RabbitMQ ${version ?? 'of unknown version'}`
  return enough ? ok(found) : wrong('fail', found, `Use RabbitMQ ${VERSION_LEAST.join('.')} or newer.`)
}

/** Each right is really tried, with a question that has no effect. */
async function rights(parts: Parts): Promise<readonly Finding[]> {
  const broker = await parts.broker()
  const { topology: mode } = parts.config.rabbitmq
  const working = await broker.missingRights('working', mode)
  if (working !== null) return [refused(working, 'fail')]
  if (mode !== 'create') return [ok('all that a worker needs')]
  const declaring = await broker.missingRights('declaring', mode)
  return [declaring === null ? ok('all that a worker needs, and to declare') : refused(declaring, 'warn')]
}

/** The sentence ends with the command, which is the fix. */
function refused(sentence: string, result: 'warn' | 'fail'): Finding {
  const at = sentence.lastIndexOf('rabbitmqctl ')
  return wrong(result, sentence.slice(0, at).replace(/; run $/, ''), sentence.slice(at), EXIT.refused)
}

async function answers(parts: Parts): Promise<readonly Finding[]> {
  const broker = await parts.broker()
  const tookMs: number[] = []
  for (let n = 0; n < ANSWERS; n++) {
    const startedMs = parts.clock.monotonicMs()
    await broker.counts([parts.names.requests])
    tookMs.push(parts.clock.monotonicMs() - startedMs)
  }
  return [latencyFinding(tookMs, ANSWER_MS_MAX, 'Look at the load of RabbitMQ, its disk and the way to it.')]
}

/** Median and worst of what was measured. */
export function latencyFinding(tookMs: readonly number[], medianMsMax: number, fix: string): Finding {
  const sorted = tookMs.toSorted((one, other) => one - other)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  const found = `median ${median.toFixed(2)} ms, worst ${(sorted.at(-1) ?? 0).toFixed(2)} ms of ${sorted.length}`
  return median <= medianMsMax ? ok(found) : wrong('warn', found, fix)
}

async function management(broker: RabbitBroker): Promise<readonly Finding[]> {
  const { management: api, ...reached } = await broker.reachManagement()
  await api?.close()
  if (api !== null) return [ok('answers')]
  const fix = 'Set FERRYMAN_RABBITMQ_MANAGEMENT_URL: without it policies are neither written nor compared.'
  return [wrong('warn', `none: ${(reached as { why: string }).why}`, fix)]
}

async function nodes(broker: RabbitBroker): Promise<readonly Finding[]> {
  const { management: api } = await broker.reachManagement()
  if (api === null) return [ok('not told without the management API')]
  try {
    const alarm = await api.alarms()
    const rung = alarm === null ? [] : [wrong('fail', alarm, ALARM_FIX, EXIT.unavailable)]
    const found = await api.nodes().catch((failure: unknown) => {
      if (failure instanceof Refused) return null
      throw failure
    })
    if (found !== null) return [...rung, ...found.flatMap(nodeFindings)]
    return [...rung, ok('no more is told of files, disk and memory to a user without the tag monitoring')]
  } finally {
    await api.close()
  }
}

type Node = Awaited<
  ReturnType<NonNullable<Awaited<ReturnType<RabbitBroker['reachManagement']>>['management']>['nodes']>
>[number]

const ALARM_FIX = 'Free memory or disk on the node, or raise its limit: until then nothing is published.'
const MIB = 1 << 20

/** n.b. A node that has just started tells no numbers yet. */
export function nodeFindings(node: Node): readonly Finding[] {
  const { name, fd_used: used, fd_total: total, disk_free: free, disk_free_limit: least } = node
  const { mem_used: memory, mem_limit: limit } = node
  const findings: Finding[] = []
  if (used !== undefined && total !== undefined && used > total * NEAR)
    findings.push(wrong('warn', `${name}: ${used} of ${total} files are open`, `Raise ulimit -n of ${name}.`))
  if (free !== undefined && least !== undefined && free < least * 2) {
    const found = `${name}: ${Math.floor(free / MIB)} MiB of disk are free, at ${Math.floor(least / MIB)} it stops`
    findings.push(wrong('warn', found, `Free disk on ${name}, or give it more.`))
  }
  if (memory !== undefined && limit !== undefined && memory > limit * NEAR) {
    const found = `${name}: ${Math.floor(memory / MIB)} of ${Math.floor(limit / MIB)} MiB of memory are used`
    findings.push(wrong('warn', found, `Give ${name} more memory: at its limit it takes no messages.`))
  }
  return findings.length > 0 ? findings : [ok(`${name}: files, disk and memory are far from their limits`)]
}

async function topology(parts: Parts): Promise<readonly Finding[]> {
  const { prefix, topology: mode } = parts.config.rabbitmq
  const { findings, notCompared } = await parts.topology('verify')
  const result = mode === 'verify' ? 'fail' : 'warn'
  const differences = findings.map((finding) => wrong(result, sentenceOf(finding), finding.fix, EXIT.config))
  const fix = 'Set FERRYMAN_RABBITMQ_MANAGEMENT_URL.'
  const unknown =
    notCompared.length === 0 ? [] : [wrong('warn', `${notCompared.length} comparisons need the management API`, fix)]
  return differences.length + unknown.length === 0 ? [ok(`prefix ${prefix}, ${mode}`)] : [...differences, ...unknown]
}
