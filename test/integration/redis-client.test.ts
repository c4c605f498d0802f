// The Redis client against a real server and a proxy with faults: every call ends, and nothing is guessed.
import { expect } from 'chai'
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Server } from '../../src/demo/servers.ts'
import { redisClient, type RedisClient } from '../../src/redis/client.ts'
import { Refused, Unanswered, Unavailable } from '../../src/retry/failures.ts'
import { Telemetry, type EventName } from '../../src/telemetry/events.ts'
import { connected } from '../support/redis-ground.ts'
import { ownRedis, sharedRedis } from '../support/servers.ts'
import { silentProxy, type SilentProxy } from '../support/silent-proxy.ts'

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`it answered ${String(value)}`)
    },
    (failure: unknown) => failure,
  )
}

/** Resolves when an event of this name has been told. */
function nextEvent(telemetry: Telemetry, wanted: EventName, role: string): Promise<void> {
  return new Promise((resolve) => {
    const end = telemetry.listen((name, fields) => {
      if (name !== wanted || (fields as { role?: string }).role !== role) return
      end()
      resolve()
    })
  })
}

describe('the Redis client', () => {
  let server: Server
  let proxy: SilentProxy
  let redis: RedisClient
  let telemetry: Telemetry

  before(async () => {
    server = await sharedRedis()
  })
  beforeEach(async () => {
    proxy = await silentProxy(server.port)
    telemetry = new Telemetry()
    redis = await connected(proxy.urlOf(server.url), 400, telemetry)
  })
  afterEach(async () => {
    await redis.stop()
    await proxy.close()
  })

  it('answers strings, numbers, nil and lists, and Buffers where they are asked for', async () => {
    expect(await redis.call('EVAL', ['return {"a", 1, false, {"\u00e9"}}', 0])).deep.equal(['a', 1, null, ['\u00e9']])
    const bytes = Buffer.from([0, 255, 128, 10])
    expect(await redis.callBuffers('EVAL', ['return ARGV[1]', 0, bytes])).deep.equal(bytes)
  })

  it('tells a command whose reply was lost as Unanswered, and never sends it again', async () => {
    proxy.loseReplies()
    const failure = await failureOf(redis.call('INCR', ['lost-reply']))
    expect(failure).instanceOf(Unanswered)
    await nextEvent(telemetry, 'redis.connected', 'commands')
    expect(await redis.call('GET', ['lost-reply'])).equal('1')
    await redis.call('DEL', ['lost-reply'])
  })

  it('tells a command in flight when the connection breaks as Unanswered', async () => {
    proxy.loseReplies()
    const failure = failureOf(redis.call('PING', []))
    proxy.cut()
    expect(await failure).instanceOf(Unanswered)
  })

  it('sends nothing while it is not connected, says Unavailable at once, and comes back by itself', async () => {
    const gone = nextEvent(telemetry, 'redis.disconnected', 'commands')
    proxy.refuse()
    proxy.cut()
    await gone
    expect(redis.ready).equal(false)
    expect(await failureOf(redis.call('PING', []))).instanceOf(Unavailable)
    const back = nextEvent(telemetry, 'redis.connected', 'commands')
    proxy.serve()
    await back
    expect(await redis.call('PING', [])).equal('PONG')
  })

  it('gives up a connection that is silent while an answer is owed, and makes a new one', async () => {
    proxy.freeze()
    const back = nextEvent(telemetry, 'redis.connected', 'commands')
    const failures = await Promise.all([1, 2, 3].map(() => failureOf(redis.call('PING', []))))
    expect(failures.every((failure) => failure instanceof Unanswered)).equal(true)
    proxy.thaw()
    await back
    expect(await redis.call('PING', [])).equal('PONG')
  })

  it('tells subscribers their messages, and of the gap after a reconnect', async () => {
    const heard: string[] = []
    let onHeard = (): void => undefined
    let onGap = (): void => undefined
    const unsubscribe = await redis.subscribe(
      'a-channel',
      (message) => {
        heard.push(message)
        onHeard()
      },
      () => onGap(),
    )
    const first = new Promise<void>((resolve) => {
      onHeard = resolve
    })
    await redis.call('PUBLISH', ['a-channel', 'one'])
    await first
    const gap = new Promise<void>((resolve) => {
      onGap = resolve
    })
    const back = nextEvent(telemetry, 'redis.connected', 'commands')
    proxy.cut()
    await Promise.all([gap, back])
    const second = new Promise<void>((resolve) => {
      onHeard = resolve
    })
    expect(await redis.call('PUBLISH', ['a-channel', 'two'])).equal(1)
    await second
    expect(heard).deep.equal(['one', 'two'])
    await unsubscribe()
    expect(await redis.call('PUBLISH', ['a-channel', 'three'])).equal(0)
  })

  it('notices a connection for notices that died without a word', async () => {
    let heard = (): void => undefined
    const gap = new Promise<void>((resolve) => {
      heard = resolve
    })
    await redis.subscribe(
      'b-channel',
      () => undefined,
      () => heard(),
    )
    const gone = nextEvent(telemetry, 'redis.disconnected', 'notices')
    proxy.loseReplies()
    await gone
    await gap
  })

  it('ends what is in flight when it is stopped', async () => {
    proxy.loseReplies()
    const failure = failureOf(redis.call('PING', []))
    await redis.stop()
    expect(await failure).instanceOf(Unanswered)
    expect(await failureOf(redis.call('PING', []))).instanceOf(Unavailable)
  })
})

describe('the start of the Redis client', () => {
  it('ends as Unavailable when nobody listens, after the time given, and leaves nothing running', async () => {
    const redis = redisClient({ url: 'redis://127.0.0.1:1', timeoutMs: 200 }, systemClock, new Telemetry())
    const failure = await failureOf(redis.start(300))
    expect(failure).instanceOf(Unavailable).with.property('message').contain('127.0.0.1:1').and.contain('ECONNREFUSED')
  })

  it('ends as Unavailable when connections are accepted and nobody answers', async () => {
    const proxy = await silentProxy(1)
    proxy.swallow()
    const redis = redisClient({ url: proxy.urlOf('redis://h'), timeoutMs: 200 }, systemClock, new Telemetry())
    expect(await failureOf(redis.start(500))).instanceOf(Unavailable)
    await proxy.close()
  })

  describe('with a password', () => {
    let server: Server
    before(async () => {
      server = await ownRedis()
      const redis = await connected(server.url)
      await redis.call('CONFIG', ['SET', 'requirepass', 'right'])
      await redis.stop()
    })
    after(async () => {
      await server.stop()
    })

    for (const credentials of ['', ':wrong@', 'nobody:right@']) {
      it(`is Refused at once with ${credentials === '' ? 'none' : credentials}`, async () => {
        const url = `redis://${credentials}127.0.0.1:${server.port}`
        const redis = redisClient({ url, timeoutMs: 1_000 }, systemClock, new Telemetry())
        const before = systemClock.monotonicMs()
        const failure = await failureOf(redis.start(10_000))
        expect(failure).instanceOf(Refused).with.property('message').not.contain('right')
        expect(systemClock.monotonicMs() - before).below(3_000)
      })
    }

    it('goes through with the right one', async () => {
      const redis = await connected(`redis://:right@127.0.0.1:${server.port}`)
      expect(await redis.call('PING', [])).equal('PONG')
      await redis.stop()
    })
  })
})

describe('a refusal by the Redis server', () => {
  let server: Server
  let redis: RedisClient
  beforeEach(async () => {
    server = await ownRedis()
    redis = await connected(server.url, 3_000)
  })
  afterEach(async () => {
    await redis.stop()
    await server.stop()
  })

  it('for lack of memory is Unavailable', async () => {
    await redis.call('CONFIG', ['SET', 'maxmemory', '1'])
    expect(await failureOf(redis.call('SET', ['k', 'v']))).instanceOf(Unavailable)
  })

  it('for lack of replicas is Unavailable', async () => {
    await redis.call('CONFIG', ['SET', 'min-replicas-to-write', '1'])
    expect(await failureOf(redis.call('SET', ['k', 'v']))).instanceOf(Unavailable)
  })

  it('for a missing permission is Refused', async () => {
    await redis.call('ACL', ['SETUSER', 'default', '-set'])
    expect(await failureOf(redis.call('SET', ['k', 'v']))).instanceOf(Refused)
  })

  it('for a wrong type is Refused', async () => {
    await redis.call('SET', ['k', 'v'])
    expect(await failureOf(redis.call('HGET', ['k', 'f']))).instanceOf(Refused)
  })

  it('for being a replica is Unavailable, and the connection is made anew to find the master', async () => {
    await redis.call('REPLICAOF', ['127.0.0.1', 1])
    expect(await failureOf(redis.call('SET', ['k', 'v']))).instanceOf(Unavailable)
    for (;;) {
      const answer = await redis.call('REPLICAOF', ['NO', 'ONE']).catch(() => null)
      if (answer === 'OK') break
      await systemClock.sleep(20)
    }
    expect(await redis.call('SET', ['k', 'v'])).equal('OK')
  })

  it('for a script that runs too long is Unavailable', async () => {
    await redis.call('CONFIG', ['SET', 'busy-reply-threshold', '50'])
    const other = await connected(server.url, 10_000)
    const endless = failureOf(other.call('EVAL', ['while true do end', 0]))
    const failures: unknown[] = []
    while (failures.length === 0) {
      const failure = await redis.call('GET', ['k']).then(
        () => null,
        (cause: unknown) => cause,
      )
      if (failure !== null) failures.push(failure)
    }
    expect(failures[0]).instanceOf(Unavailable).with.property('message').contain('BUSY')
    await redis.call('SCRIPT', ['KILL'])
    expect(await endless).instanceOf(Refused)
    await other.stop()
  })
})
