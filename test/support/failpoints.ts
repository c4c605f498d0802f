// Failpoints of a worker under test: loaded before it (`--import`), they kill it at one step of a request, or list all.
import { appendFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { loadScripts } from '../../src/redis/scripts.ts'

/** Where the process dies, as in the list: `before redis.apply#1`. */
const FATAL = process.env['TEST_FAILPOINT']
/** The file that each step is appended to, a line each. */
const LIST = process.env['TEST_FAILPOINTS_LIST']

/** What goes round whether or not there is a request, so that its count says nothing. */
const BACKGROUND = new Set([
  'heartbeat',
  'close-session',
  'sweep',
  'due',
  'ripe',
  'pack',
  'tomb',
  'restoring',
  'restore',
  'restored',
  'snapshot',
]) // prettier-ignore

const require = createRequire(import.meta.url)
const counts = new Map<string, number>()
/** Nothing is a step before the first request is begun: what a worker asks at its start is not part of any. */
let begun = false

function pass(step: string): void {
  if (LIST !== undefined) appendFileSync(LIST, `${step}\n`)
  if (step === FATAL) process.kill(process.pid, 'SIGKILL')
}

/** The next step of this name; both of its sides carry the same number. */
function numbered(name: string): string {
  const count = (counts.get(name) ?? 0) + 1
  counts.set(name, count)
  return `${name}#${count}`
}

/** Once the answer is there, and before anybody else has heard of it. */
function after<Answer>(step: string, answer: Promise<Answer>): Promise<Answer> {
  answer.then(
    () => pass(`after ${step}`),
    () => undefined,
  )
  return answer
}

function around<Answer>(name: string, run: () => Promise<Answer>): Promise<Answer> {
  const step = numbered(name)
  pass(`before ${step}`)
  return after(step, run())
}

type Method = (this: object, ...args: unknown[]) => unknown

/** Puts `wrap` in the place of a method; `call` is the method it was with the same arguments, `self` whose it is. */
function replace(
  prototype: object,
  name: string,
  wrap: (args: unknown[], call: () => unknown, self: object) => unknown,
): void {
  const methods = prototype as Record<string, Method>
  const inner = methods[name]
  if (inner === undefined) throw new Error(`there is no method ${name} to put a failpoint into`)
  methods[name] = function (this: object, ...args: unknown[]): unknown {
    return wrap(args, () => inner.apply(this, args), this)
  }
}

function hookRedis(): void {
  const scripts = [...loadScripts().values()].filter(({ name }) => !BACKGROUND.has(name))
  const byDigest = new Map(scripts.map(({ name, sha }) => [sha, `redis.${name}`]))
  const byText = new Map(scripts.map(({ name, text }) => [text, `redis.${name}`]))
  const { Redis } = require('ioredis') as { Redis: { prototype: object } }
  replace(Redis.prototype, 'sendCommand', ([command], send) => {
    const call = send as () => Promise<unknown>
    const { args } = command as { args: readonly unknown[] }
    const [name, again] = [byDigest.get(String(args[0])), byText.get(String(args[0]))]
    begun ||= name === 'redis.begin'
    // A script that Redis did not know yet is sent once more as a text: that is the same step.
    if (begun && again !== undefined) return after(`${again}#${counts.get(again)}`, call())
    return begun && name !== undefined ? around(name, call) : call()
  })
}

function hookRabbit(): void {
  const folder = dirname(require.resolve('amqplib'))
  const { Channel, ConfirmChannel } = require(join(folder, 'lib', 'channel_model.js')) as {
    Channel: { prototype: object }
    ConfirmChannel: { prototype: object }
  }
  replace(ConfirmChannel.prototype, 'publish', (args, call) => {
    const [exchange, key] = args
    const step = numbered(`publish to ${String(exchange === '' ? key : exchange)}`)
    pass(`before ${step}`)
    const confirmed = args[4] as (failure: unknown) => void
    args[4] = (failure: unknown) => {
      if (failure === null) pass(`after ${step}`)
      confirmed(failure)
    }
    return call()
  })
  const queues = new WeakMap<object, string>()
  replace(Channel.prototype, 'consume', ([queue], call, self) => {
    queues.set(self, String(queue))
    return call()
  })
  for (const name of ['ack', 'nack']) {
    replace(Channel.prototype, name, (_, call, self) => {
      // The stream of events and the desk's intake are read at their own pace.
      if (!begun || !queues.get(self)?.endsWith('.requests')) return call()
      const step = numbered(name)
      pass(`before ${step}`)
      const answer = call()
      // Nothing answers an acknowledgement: some turns later it has left.
      setTimeout(() => pass(`after ${step}`), 20)
      return answer
    })
  }
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const NOBODY = '/allocations/00000000-0000-0000-0000-000000000000'

function hookPlacement(): void {
  const { Pool } = require('undici') as { Pool: { prototype: object } }
  replace(Pool.prototype, 'request', ([options], call) => {
    const { method, path } = options as { method: string; path: string }
    if (!begun || path === NOBODY) return call()
    return around(`${method} ${path.replace(UUID, '<id>')}`, call as () => Promise<unknown>)
  })
}

hookRedis()
hookRabbit()
hookPlacement()
