// The servers that demo and tests start: they answer, keep their data, and end with whoever started them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'chai'
import { answers } from '../../src/demo/server.ts'
import { freePorts } from '../../src/demo/ports.ts'
import { freshVhost, ownRedis, sharedRabbit } from '../support/servers.ts'

const PING = 'PING\r\n'

describe('a private Redis', () => {
  it('comes back after a crash with what was written', async () => {
    const redis = await ownRedis({ appendonly: true })
    expect(await answers(redis.port, 'SET a 1\r\n', '+OK')).equal(true)
    await redis.kill()
    expect(redis.running()).equal(false)
    expect(await answers(redis.port, PING, '+PONG')).equal(false)
    await redis.restart()
    expect(await answers(redis.port, 'GET a\r\n', '$1\r\n1')).equal(true)
    await redis.stop()
  })

  it('says nothing while it is frozen, and goes on when it thaws', async () => {
    const redis = await ownRedis()
    redis.freeze()
    const socket = connect({ port: redis.port, host: '127.0.0.1' })
    await once(socket, 'connect')
    const answer = once(socket, 'data')
    socket.write(PING)
    expect(await Promise.race([answer, answers(redis.port, PING, '+PONG')])).equal(false)
    redis.thaw()
    expect(String((await answer)[0])).equal('+PONG\r\n')
    socket.destroy()
    await redis.stop()
  })

  it('tells what it said when it cannot start', async () => {
    const failure = await ownRedis({ args: ['--no-such-setting', '1'] }).catch((error: unknown) => error)
    expect(String(failure)).contain('ended while it started').and.contain('no-such-setting')
  })

  it('ends with the process that started it, also when that is killed', async () => {
    const module = join(import.meta.dirname, '../../src/demo/servers.js')
    const program = `const s = await (await import(${JSON.stringify(module)})).startRedis()
      console.log(s.port); setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const port = Number((await once(createInterface(parent.stdout), 'line'))[0])
    const socket = connect({ port, host: '127.0.0.1' })
    await once(socket, 'connect')
    const gone = new Promise((resolve) => socket.once('close', resolve).once('error', () => {}))
    parent.kill('SIGKILL')
    await gone
    expect(await answers(port, PING, '+PONG')).equal(false)
  })
})

describe('a private RabbitMQ', () => {
  it('gives virtual hosts that are there at once, each a new one', async () => {
    const [one, other] = [await freshVhost(), await freshVhost()]
    expect(one).not.equal(other)
    const listed = await (await sharedRabbit()).rabbitmqctl('list_vhosts')
    for (const url of [one, other]) expect(listed).contain(new URL(url).pathname.slice(1))
  })
})

describe('free ports', () => {
  it('are as many as asked for, each another', async () => {
    expect(new Set(await freePorts(20)).size).equal(20)
  })
})
