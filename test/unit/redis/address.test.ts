// Redis URLs: what is read from them, and what is refused without telling the password.
import { expect } from 'chai'
import { addressOf } from '../../../src/redis/address.ts'

const PLAIN = { master: null, tls: false, username: null, password: null, db: 0 }

describe('a Redis URL', () => {
  const read: Readonly<Record<string, object>> = {
    'redis://127.0.0.1': { ...PLAIN, where: '127.0.0.1:6379', hosts: [{ host: '127.0.0.1', port: 6379 }] },
    'redis://h:7000/3': { ...PLAIN, where: 'h:7000', hosts: [{ host: 'h', port: 7000 }], db: 3 },
    'redis://[::1]:7000': { ...PLAIN, where: '::1:7000', hosts: [{ host: '::1', port: 7000 }] },
    'rediss://:p%40ss@h': {
      ...PLAIN,
      where: 'h:6379',
      hosts: [{ host: 'h', port: 6379 }],
      tls: true,
      password: 'p@ss',
    },
    'redis://u:a:b@h': {
      ...PLAIN,
      where: 'h:6379',
      hosts: [{ host: 'h', port: 6379 }],
      username: 'u',
      password: 'a:b',
    },
    'redis+sentinel://a,b:1/main/2': {
      ...PLAIN,
      where: 'a:26379,b:1',
      hosts: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 1 },
      ],
      master: 'main',
      db: 2,
    },
    'rediss+sentinel://:p@a/main': {
      ...PLAIN,
      where: 'a:26379',
      hosts: [{ host: 'a', port: 26379 }],
      master: 'main',
      tls: true,
      password: 'p',
    },
  }
  for (const [url, address] of Object.entries(read)) {
    it(`reads ${url}`, () => {
      expect(addressOf(url)).deep.equal(address)
    })
  }

  const refused: Readonly<Record<string, string>> = {
    'redis+cluster://:secret@a': 'not supported',
    'http://:secret@a': 'must read redis://',
    'redis://:secret@a:0': 'no host with port',
    'redis://:secret@a:99999': 'no host with port',
    'redis://:secret@a,b': 'need redis+sentinel',
    'redis+sentinel://:secret@a': 'name of the master',
    'redis://:secret@a/one': 'no number of a Redis database',
  }
  for (const [url, why] of Object.entries(refused)) {
    it(`refuses ${url} without its password`, () => {
      expect(() => addressOf(url))
        .throw(RangeError, why)
        .with.property('message')
        .not.contain('secret')
    })
  }
})
