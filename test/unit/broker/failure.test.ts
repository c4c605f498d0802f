// What amqplib says, told apart, and no secret in any of it.
import { expect } from 'chai'
import { managementUrlOf } from '../../../src/broker/management-url.ts'
import { connectFailure, operationFailure } from '../../../src/broker/rabbit/failure.ts'
import { hostOf, vhostOf, withHeartbeat } from '../../../src/broker/rabbit/urls.ts'
import { Refused, Unanswered, Unavailable } from '../../../src/retry/failures.ts'

describe('a failed connection', () => {
  const refused = [
    'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused"',
    'Expected ConnectionOpenOk; got <ConnectionClose channel:0>',
    'SASL mechanism PLAIN is not provided by the server',
  ]
  for (const text of refused) {
    it(`is refused for good: ${text.slice(0, 50)}`, () => {
      expect(connectFailure(new Error(text), 'h:1/v')).to.be.instanceOf(Refused)
    })
  }

  for (const text of [
    'connect ECONNREFUSED 127.0.0.1:5672',
    'connect ETIMEDOUT',
    'Socket closed abruptly during opening handshake',
  ]) {
    it(`is unavailable: ${text}`, () => {
      expect(connectFailure(new Error(text), 'h:1/v')).to.be.instanceOf(Unavailable)
    })
  }
})

describe('a failed operation', () => {
  it('keeps a failure of ours as it is', () => {
    const failure = new Unanswered('x')
    expect(operationFailure(failure, 'y')).to.equal(failure)
  })

  it('is refused for 403 and unavailable for anything else', () => {
    expect(operationFailure(Object.assign(new Error('no'), { code: 403 }), 'y')).to.be.instanceOf(Refused)
    expect(operationFailure(Object.assign(new Error('no'), { code: 404 }), 'y')).to.be.instanceOf(Unavailable)
  })
})

describe('an AMQP URL', () => {
  it('shows host, port and vhost, never user or password', () => {
    expect(hostOf('amqp://user:secret@rabbit.example:5673/cell%2F1')).to.equal('rabbit.example:5673/cell/1')
    expect(hostOf('amqps://user:secret@rabbit.example')).to.equal('rabbit.example:5671//')
  })

  it('names the default virtual host when it says none', () => {
    expect(['amqp://h', 'amqp://h/', 'amqp://h/%2F', 'amqp://h/a%2Fb'].map(vhostOf)).to.deep.equal([
      '/',
      '/',
      '/',
      'a/b',
    ])
  })

  it('takes the heartbeat that is set, unless it says its own', () => {
    expect(withHeartbeat('amqp://u:p%2F@h/%2F', 10)).to.equal('amqp://u:p%2F@h/%2F?heartbeat=10')
    expect(withHeartbeat('amqp://h?heartbeat=3', 10)).to.equal('amqp://h?heartbeat=3')
  })

  it('leads to the management API on the same host with the same credentials', () => {
    expect(managementUrlOf('amqp://u:p%40@h:5673/v')).to.equal('http://u:p%40@h:15672')
    expect(managementUrlOf('amqp://h')).to.equal('http://guest:guest@h:15672')
    expect(managementUrlOf('amqps://u:p@[::1]:5671/v')).to.equal('https://u:p@[::1]:15671')
  })
})
