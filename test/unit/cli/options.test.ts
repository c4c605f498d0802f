// Words of the command line to values, and back to tables.
import { expect } from 'chai'
import { amounts, count, durationMs, field, since, streamStart, words } from '../../../src/cli/options.ts'
import { harmless, printTable, progressOf, type Io } from '../../../src/cli/output.ts'

describe('options', () => {
  it('are read in their forms', () => {
    expect(['500ms', '30s', '2m', '1h', '7d'].map(durationMs)).to.deep.equal([
      500, 30_000, 120_000, 3_600_000, 604_800_000,
    ])
    expect(amounts('VCPU=2,MEMORY_MB=2048')).to.deep.equal({ VCPU: 2, MEMORY_MB: 2048 })
    expect(field('expect={"consumerGeneration":3}', { a: 1 })).to.deep.equal({
      a: 1,
      expect: { consumerGeneration: 3 },
    })
    expect(count('12')).to.equal(12)
    expect(words('a, b,')).to.deep.equal(['a', 'b'])
    expect(since('2h', 10_000_000)).to.equal(2_800_000)
    expect(since('2026-11-22T10:00:00Z', 0)).to.equal(Date.UTC(2026, 10, 22, 10))
    expect(['first', 'next', '42'].map(streamStart)).to.deep.equal(['first', 'next', 42])
    expect(streamStart('2026-11-22T10:00:00Z')).to.deep.equal(new Date(Date.UTC(2026, 10, 22, 10)))
  })

  const wrong: readonly (readonly [(word: string) => unknown, string])[] = [
    [durationMs, '30'],
    [durationMs, '-1s'],
    [durationMs, '1 s'],
    [amounts, 'VCPU'],
    [amounts, 'vcpu=1'],
    [amounts, 'VCPU=1,VCPU=2'],
    [amounts, 'VCPU=-1'],
    [field, 'x'],
    [field, 'x=abc'],
    [field, '__proto__=1'],
    [count, '0'],
    [count, '1.5'],
    [(word) => since(word, 0), 'yesterday'],
    [streamStart, 'begin'],
    [streamStart, '-1'],
  ]
  for (const [read, word] of wrong) {
    it(`${JSON.stringify(word)} is refused (${read.name})`, () => {
      expect(() => read(word)).to.throw()
    })
  }
})

function ioOf(isTerminal: boolean) {
  const written = { out: '', err: '' }
  const io: Io = {
    out: (text) => {
      written.out += text
    },
    err: (text) => {
      written.err += text
    },
    input: async () => Buffer.alloc(0),
    env: {},
    nodeVersion: 'v20.19.0',
    isTerminal,
    signal: new AbortController().signal,
  }
  return { io, written }
}

describe('a table', () => {
  it('has columns as wide as needed, numbers to the right, and spells control characters out', () => {
    const { io, written } = ioOf(false)
    printTable(
      io,
      ['name', 'n'],
      [
        ['a\u001b[2J', 5],
        ['longer than that', 1000],
        [null, 7],
      ],
    )
    expect(written.out.split('\n')).to.deep.equal([
      'NAME                 N',
      'a\\x1b[2J             5',
      'longer than that  1000',
      '-                    7',
      '',
    ])
  })
})

describe('JSON', () => {
  it('holds no raw control character and keeps its value', () => {
    const value = { text: 'a\u009b2J\u007f\u2028' }
    expect(harmless(JSON.stringify(value))).not.to.match(/[\u007f-\u009f\u2028]/)
    expect(JSON.parse(harmless(JSON.stringify(value)))).to.deep.equal(value)
  })
})

describe('progress', () => {
  it('is a bar on a terminal and plain lines elsewhere', () => {
    for (const isTerminal of [true, false]) {
      const { io, written } = ioOf(isTerminal)
      const progress = progressOf(io, 'sent', 1_000)
      for (let n = 0; n < 1_000; n++) progress.step()
      progress.end()
      expect(written.out).to.equal('')
      expect(written.err.includes('\r')).to.equal(isTerminal)
      expect(written.err).to.include(isTerminal ? '1000/1000' : 'sent: 1000 of 1000\n')
      if (!isTerminal) expect(written.err.split('\n')).to.have.length(12)
    }
  })
})
