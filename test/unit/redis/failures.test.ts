// Which failure a rejection of the Redis client becomes.
import { expect } from 'chai'
import { connectFailureOf, failureOf } from '../../../src/redis/failures.ts'

function reply(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' })
}

describe('a failure of Redis', () => {
  const table: readonly (readonly [Error, string])[] = [
    ...[
      'LOADING',
      'BUSY',
      'READONLY',
      'OOM',
      'MISCONF',
      'NOREPLICAS',
      'MASTERDOWN',
      'CLUSTERDOWN',
      'TRYAGAIN',
      'UNKILLABLE',
    ].map((word) => [reply(`${word} said the server`), 'Unavailable'] as const),
    ...['NOAUTH', 'WRONGPASS', 'NOPERM', 'WRONGTYPE', 'ERR', 'SCHEMA'].map(
      (word) => [reply(`${word} said the server`), 'Refused'] as const,
    ),
    [reply('NOSCRIPT No matching script'), 'NoScript'],
    [new Error("Stream isn't writeable and enableOfflineQueue options is false"), 'Unavailable'],
    [new Error('Command timed out'), 'Unanswered'],
    [new Error('Reached the max retries per request limit'), 'Unanswered'],
    [new Error('Connection is closed.'), 'Unanswered'],
    [new Error('OOM said nobody'), 'Unanswered'],
  ]
  for (const [failure, name] of table) {
    it(`"${failure.message}" of ${failure.name} is ${name}`, () => {
      expect(failureOf(failure, 'EVALSHA')).include({ name, cause: failure })
    })
  }

  it('while connecting is Refused for wrong credentials, and passes otherwise', () => {
    expect(connectFailureOf(reply('WRONGPASS no'), 'h:1').name).equal('Refused')
    expect(connectFailureOf(reply('LOADING no'), 'h:1').name).equal('Unavailable')
    expect(connectFailureOf(new Error('connect ECONNREFUSED'), 'h:1'))
      .include({ name: 'Unavailable' })
      .with.property('message')
      .contain('h:1')
  })
})
