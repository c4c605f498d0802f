// The script loader: headers bind names to KEYS and ARGV, and a header that does not count is refused.
import { expect } from 'chai'
import { loadScripts, scriptOf } from '../../../src/redis/scripts.ts'

const part = (name: string): string => (name === 'two' ? '-- Two.\n-- uses: one\nlocal two = one' : `local ${name} = 1`)

describe('a script', () => {
  it('has the names of its header bound, its parts put in front once each, and its flags on the first line', () => {
    const source = [
      '-- Does it.',
      '-- uses: two one',
      '-- flags: allow-oom',
      '-- KEYS[1] META  hash',
      '-- KEYS[2..] RECORDS  hashes',
      '-- ARGV[1] first',
      '-- ARGV[2..] rest  more',
      '-- Replies: one',
      'return one',
    ].join('\n')
    const { text, keys, args, takesRest } = scriptOf('it', source, part)
    expect({ keys, args, takesRest }).deep.equal({ keys: ['META', 'RECORDS'], args: ['first'], takesRest: true })
    expect(text).equal(
      [
        '#!lua flags=allow-oom',
        'local META, RECORDS = KEYS[1], 2',
        'local first, rest = ARGV[1], 2',
        'local one = 1',
        '-- Two.\n-- uses: one\nlocal two = one',
        source,
      ].join('\n'),
    )
  })

  it('is refused where its header skips a number', () => {
    expect(() => scriptOf('it', '-- KEYS[2] META  hash', part)).throw('should be KEYS[1]')
    expect(() => scriptOf('it', '-- ARGV[1..] rest\n-- ARGV[2] more', part)).throw('should be ARGV[2]')
  })

  it('is refused where it names a key that is none', () => {
    expect(() => scriptOf('it', '-- KEYS[1] METAL  hash', part)).throw('no key is called METAL')
  })
})

describe('the scripts of the package', () => {
  const scripts = [...loadScripts().values()]

  it('are refused whole when memory is full, but for those that free or end something', () => {
    const flags = Object.fromEntries(
      scripts.map(({ name, text }) => [name, text.split('\n')[0]!.replace('#!lua', '').trim()]),
    )
    expect(flags).deep.equal({
      acquire: '',
      apply: '',
      begin: '',
      restore: '',
      restored: '',
      restoring: '',
      cancel: '',
      sending: '',
      seed: '',
      sweep: '',
      aside: 'flags=allow-oom',
      'close-attempt': 'flags=allow-oom',
      'close-session': 'flags=allow-oom',
      decide: 'flags=allow-oom',
      heartbeat: 'flags=allow-oom',
      pack: 'flags=allow-oom',
      poke: 'flags=allow-oom',
      release: 'flags=allow-oom',
      told: 'flags=allow-oom',
      due: 'flags=no-writes',
      ripe: 'flags=no-writes',
      tomb: 'flags=no-writes',
      dump: 'flags=no-writes',
      snapshot: 'flags=no-writes',
    })
  })

  it('never build code or key names from what they are given', () => {
    for (const { name, text } of scripts) {
      expect(text, name).not.match(/\b(?:loadstring|load|dofile|setfenv)\b/)
      expect(text, name).not.match(/redis\.call\('(?!PUBLISH)\w+', [^,)\n]*\.\./)
    }
  })

  it('ask for time and run in one line each, which the test clock replaces', () => {
    for (const { name, text } of loadScripts({ testClock: true }).values()) {
      expect(text, name).not.match(/redis\.call\('(?:TIME|INFO)/)
    }
    expect(scripts.filter(({ text }) => text.includes("redis.call('TIME')")).length).above(10)
  })
})
