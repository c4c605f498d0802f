// Log lines: one JSON object each, with the level of its event, and nothing that must not be shown.
import { expect } from 'chai'
import { openLog } from '../../../src/telemetry/log.ts'
import { reasonOf, scrub } from '../../../src/telemetry/scrub.ts'
import type { Class, Code } from '../../../src/transfer/outcome.ts'

const SECRET = 'hunter2-MARKER'

function logged(level = 'debug') {
  const lines: string[] = []
  const log = openLog({
    level,
    instance: 'host:1',
    version: '1.2.3',
    destination: {
      write: (line) => {
        lines.push(line)
      },
    },
    secrets: [SECRET, 'short'],
  })
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> }
}

describe('the log', () => {
  it('writes an event with its fields, its name and who wrote it', () => {
    const { log, last, lines } = logged()
    log.listener('http.listening', { port: 4711, host: '127.0.0.1' })
    expect(last()).to.include({
      level: 30,
      msg: 'http listening',
      port: 4711,
      event: 'http.listening',
      service: 'ferryman',
      version: '1.2.3',
      instance: 'host:1',
    })
    expect(last()['time']).to.match(/^\d{4}-\d\d-\d\dT/)
    expect(lines).to.have.length(1)
    expect(lines[0]).to.match(/^\{.*\}\n$/)
  })

  it('takes what waits for a person as an error, delays as warnings, news for the scheduler as information', () => {
    const { log, last } = logged()
    const told = { request: 'r', operation: 'claim', again: false, durationMs: 1 }
    const levelOf = (emit: () => void): unknown => {
      emit()
      return last()['level']
    }
    const levelTold = (more: { code: Code; class: Class }): unknown =>
      levelOf(() => log.listener('request.told', { ...told, ...more }))
    expect(levelTold({ code: 'applied', class: 'done' })).to.equal(30)
    expect(levelTold({ code: 'capacity_exceeded', class: 'refused' })).to.equal(30)
    expect(levelTold({ code: 'contended', class: 'exhausted' })).to.equal(50)
    expect(levelTold({ code: 'outcome_unknown', class: 'operator' })).to.equal(50)
    expect(levelOf(() => log.listener('request.set_aside', { reason: 'contended', delayMs: 1, rung: 1 }))).to.equal(40)
    expect(levelOf(() => log.listener('request.set_aside', { reason: 'duplicate', delayMs: 1, rung: 0 }))).to.equal(30)
  })

  it('leaves out what is below its level', () => {
    const { log, lines } = logged('warn')
    log.listener('worker.started', { worker: 'w', concurrency: 1 })
    expect(lines).to.deep.equal([])
  })

  it('never shows a password, wherever it stands', () => {
    const { log, lines } = logged()
    const why = `connect to amqp://me:${SECRET}@h failed, and amqps://me:other@h2/v, too; token ${SECRET}`
    log.listener('broker.disconnected', { role: 'consume', why })
    log.write('error', why, { [why]: why, deep: { deeper: [why, new Error(why)] } })
    log.listener('warning', { what: `redis://:p@ss/word@h`, fix: why })
    expect(lines.join('')).not.to.include(SECRET).and.not.include('other').and.not.include('word')
    expect(lines.join('')).to.include('amqp://me:***@h')
  })

  it('writes no control character raw, and cannot be made to write a line of its own', () => {
    const { log, lines } = logged()
    log.listener('warning', { what: 'a\n{"level":60,"msg":"forged"}\u001b[2J\u009b2J\u2028\u202e', fix: '\r\u0000' })
    expect(lines).to.have.length(1)
    expect(lines[0]!.trimEnd()).not.to.match(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/)
    expect(JSON.parse(lines[0]!)).to.include({ level: 40 })
  })
})

describe('scrubbed text', () => {
  it('keeps what is harmless and the user of a URL', () => {
    const text = 'amqp://bob:SECRET@h:5672/v and http://h:15672/a, mail a@b'
    expect(scrub(text)).to.equal(text.replace('SECRET', '***'))
    expect(scrub('tab\tbell\u0007')).to.equal('tab\\x09bell\\x07')
  })

  it('of an error says at least its code', () => {
    expect(reasonOf(Object.assign(new Error(''), { code: 'ECONNREFUSED' }))).to.equal('ECONNREFUSED')
    expect(reasonOf(new AggregateError([new Error('one'), new Error('two')], ''))).to.equal('one; two')
    expect(reasonOf('plain')).to.equal('plain')
  })
})
