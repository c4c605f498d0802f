// What is told of a run: the same facts as a document for programs and as a picture with directions for people. Pure.
import type { Code, Class } from '../transfer/outcome.ts'
import { DISABLED_HOST, FULL_HOST, SMALL_UNITS_HOST } from './cloud.ts'
import type { Servers } from './find-servers.ts'
import type { BooksSeen, Check, Evidence } from './judge.ts'
import {
  checksPicture,
  heading,
  hostsPicture,
  lettersPicture,
  outcomesPicture,
  type LetterGroup,
  type Tally,
} from './picture.ts'
import type { Style } from './screen.ts'

export interface Summary {
  readonly passed: boolean
  readonly seed: number
  readonly messages: number
  readonly requests: number
  readonly decided: number
  readonly durationMs: number
  readonly outcomes: readonly Tally[]
  readonly deadLetters: readonly LetterGroup[]
  /** Decisions by worker, `host:pid`. */
  readonly workers: Readonly<Record<string, number>>
  readonly checks: readonly Check[]
}

const PASSED = 'Every request had exactly one outcome, and the books balance.'
const FAILED = 'Something does not add up: see FAIL above.'

/** What is special about a host, by its name. */
const MARKS = {
  [DISABLED_HOST]: 'disabled: takes nothing new',
  [FULL_HOST]: 'nearly full',
  [SMALL_UNITS_HOST]: 'at most 4 VCPU to one server',
}

export function summaryOf(
  evidence: Evidence,
  checks: readonly Check[],
  { durationMs }: { readonly durationMs: number },
  { seed }: { readonly seed: number },
): Summary {
  const { steps, events, letters } = evidence
  const outcomes = new Map<Code, Tally>()
  const workers: Record<string, number> = {}
  for (const {
    body: { outcome, worker },
  } of events) {
    const { code, class: ofClass } = outcome
    outcomes.set(code, { code, class: ofClass, count: (outcomes.get(code)?.count ?? 0) + 1 })
    workers[worker] = (workers[worker] ?? 0) + 1
  }
  const groups = new Map<string, LetterGroup>()
  for (const { code, class: ofClass, description } of letters) {
    const group = groups.get(code) ?? { code, class: ofClass as Class, count: 0, example: description }
    groups.set(code, { ...group, count: group.count + 1 })
  }
  return {
    passed: checks.every(({ holds }) => holds),
    seed,
    messages: steps.reduce((sum, { copies }) => sum + copies, 0),
    requests: steps.length,
    decided: events.length,
    durationMs,
    outcomes: [...outcomes.values()],
    deadLetters: [...groups.values()],
    workers,
    checks,
  }
}

/** The picture: hosts, outcomes, dead letters, checks. */
export function drawSummary(summary: Summary, { before, after }: Evidence, style: Style): string {
  const { messages, requests, durationMs, outcomes, deadLetters, workers, checks, passed } = summary
  const letters = deadLetters.reduce((sum, { count }) => sum + count, 0)
  const shares = Object.values(workers)
    .map((count) => `${count}`)
    .join(' and ')
  return [
    heading('Hosts, used of capacity', style),
    hostsPicture(before.providers, after.providers, MARKS, style),
    heading(`Outcomes of ${requests} requests`, style),
    outcomesPicture(outcomes, style),
    `${messages} messages in ${(durationMs / 1_000).toFixed(1)} s; the workers decided ${shares} of the requests\n`,
    heading(`Dead letters: ${letters}, with the reason of one of each kind`, style),
    lettersPicture(deadLetters, style),
    heading('Checks', style),
    checksPicture(checks, style),
    `\n${passed ? PASSED : FAILED}\n`,
  ].join('')
}

/** How to look further: at these servers while they are kept, else with servers of one's own. */
export function goingOn(isKept: boolean, servers: Servers, prefix: string, books: BooksSeen, style: Style): string {
  const ferryman = 'node dist/src/main.js'
  if (!isKept) {
    return [
      heading('How to go on', style),
      '  npm run demo -- --keep          the same, and everything stays until Ctrl-C\n',
      '  docker compose up --build       RabbitMQ, Redis and two workers in containers\n',
      `  ${ferryman} worker    a worker, for servers on their usual ports\n`,
      `  ${ferryman} --help    everything else\n`,
    ].join('')
  }
  const variables = [
    ...(servers.rabbitmq === null
      ? []
      : [
          `FERRYMAN_RABBITMQ_URL=${servers.rabbitmq.url}`,
          `FERRYMAN_RABBITMQ_MANAGEMENT_URL=${servers.rabbitmq.managementUrl}`,
        ]),
    ...(servers.redis === null ? [] : [`FERRYMAN_REDIS_URL=${servers.redis.url}`]),
    `FERRYMAN_RABBITMQ_PREFIX=${prefix}`,
  ]
  const movable = books.consumers.find(({ allocations }) => holdsOn(books, allocations, 'cn-03'))
  const [from, to] = ['cn-03', 'cn-01'].map((name) => books.providers.find((provider) => provider.name === name)?.id)
  return [
    heading('How to go on, in another terminal', style),
    ...variables.map((variable) => `  export ${variable}\n`),
    `  ${ferryman} transfers list --limit 10\n`,
    `  ${ferryman} dead-letters list --state all --limit 10\n`,
    `  ${ferryman} events tail --from first --count 10\n`,
    ...(movable === undefined
      ? []
      : [
          `  ${ferryman} request transfer --wait \\\n`,
          `    --consumer ${movable.id} \\\n`,
          `    --source ${from} \\\n`,
          `    --destination ${to}\n`,
        ]),
  ].join('')
}

function holdsOn({ providers }: BooksSeen, allocations: Readonly<Record<string, unknown>>, name: string): boolean {
  return providers.some((provider) => provider.name === name && Object.hasOwn(allocations, provider.id))
}
