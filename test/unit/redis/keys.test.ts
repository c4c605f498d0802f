// Key names: all of a namespace in one hash slot, and no namespace that could break out of it.
import { expect } from 'chai'
import { deskKeysOf, KEY_TYPES, keysOf } from '../../../src/redis/keys.ts'

describe('the keys of a namespace', () => {
  it('all begin with its name in braces, and differ', () => {
    const keys = keysOf('cell1')
    const names = [
      ...Object.keys(KEY_TYPES).map((name) => keys[name as 'meta']),
      keys.record('id'),
      keys.channel('session'),
      keys.probe,
      ...Object.values(deskKeysOf('cell1')).map((key) => (typeof key === 'string' ? key : key('open'))),
    ]
    expect(names.every((name) => name.startsWith('{cell1}:'))).equal(true)
    expect(new Set(names).size).equal(names.length)
  })

  for (const namespace of ['', 'a}b', '{a', 'a b', 'a\n', 'ä', 'a'.repeat(129)]) {
    it(`do not exist for ${JSON.stringify(namespace).slice(0, 12)}`, () => {
      expect(() => keysOf(namespace)).throw(RangeError, 'is no Redis namespace')
    })
  }
})
