// The commands that are told to people: what a shell makes of them, and what the patterns of rights let through.
import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  clearOperatorPolicyCommand,
  deleteExchangeCommand,
  deleteQueueCommand,
  quoted,
  setPermissionsCommand,
  setPolicyCommand,
} from '../../../src/broker/commands.ts'
import { namesOf } from '../../../src/broker/names.ts'
import { declaringPatterns, declaringRights, workerPatterns, workerRights } from '../../../src/broker/rights.ts'
import { topologyOf } from '../../../src/broker/topology.ts'

/** The words of each line, as a POSIX shell reads them. */
function wordsOf(...commands: readonly string[]): string[][] {
  const lines = commands.map((command) => `say ${command}`)
  const script = [`say() { printf '%s\\0' "$@"; printf '\\1'; }`, ...lines].join('\n')
  const said = execFileSync('sh', ['-c', script], { encoding: 'utf8' })
  return said
    .split('\u0001')
    .slice(0, -1)
    .map((line) => line.split('\0').slice(0, -1))
}

describe('commands for people', () => {
  it('are read by a shell as they were meant, whatever stands in a name', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !/[\0\u0001]/.test(text))
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
        expect(wordsOf(words.map(quoted).join(' '))).to.deep.equal([words])
      }),
      { numRuns: 50 },
    )
  })

  it('name virtual host, object and value in the places where rabbitmqctl wants them', () => {
    const vhost = "my vhost's"
    const policy = { name: 'a b', pattern: '^a\\.b$', 'apply-to': 'queues', priority: -1, definition: { expires: 5 } }
    const read = wordsOf(
      setPolicyCommand(vhost, policy),
      clearOperatorPolicyCommand(vhost, 'x y'),
      deleteQueueCommand(vhost, 'q'),
      deleteExchangeCommand(vhost, 'e'),
      setPermissionsCommand(vhost, 'u', { configure: '', write: '^w$', read: '^r$' }),
    )
    expect(read).to.deep.equal([
      [
        'rabbitmqctl',
        'set_policy',
        '-p',
        vhost,
        '--priority',
        '-1',
        '--apply-to',
        'queues',
        'a b',
        '^a\\.b$',
        '{"expires":5}',
      ],
      ['rabbitmqctl', 'clear_operator_policy', '-p', vhost, 'x y'],
      ['rabbitmqctl', 'delete_queue', '-p', vhost, 'q'],
      ['rabbitmqadmin', `--vhost=${vhost}`, 'delete', 'exchange', 'name=e'],
      ['rabbitmqctl', 'set_permissions', '-p', vhost, 'u', '', '^w$', '^r$'],
    ])
  })
})

describe('the rights of a worker', () => {
  const prefix = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/)

  it('are let through by its patterns, and nothing else of any prefix is', () => {
    fc.assert(
      fc.property(prefix, prefix, (one, other) => {
        const patterns = workerPatterns(namesOf(one))
        const all = [one, other].flatMap((each) => {
          const { exchanges, queues } = topologyOf(each, { journalDays: 1, deliveryLimit: 1 })
          return [...exchanges, ...queues].map(({ name }) => name)
        })
        for (const right of ['write', 'read'] as const) {
          const wanted = workerRights(namesOf(one)).filter((each) => each.right === right)
          const names = new Set(wanted.map(({ name }) => name))
          for (const name of [...all, 'amq.default', 'amq.topic', `${one}.x`]) {
            expect([name, new RegExp(patterns[right]).test(name)]).to.deep.equal([name, names.has(name)])
          }
        }
        expect(all.filter((name) => new RegExp(patterns.configure).test(name))).to.deep.equal([])
      }),
    )
  })

  it('to declare are all of its own prefix, and none of another', () => {
    fc.assert(
      fc.property(prefix, prefix, (one, other) => {
        const patterns = declaringPatterns(one)
        const needed = [
          ...workerRights(namesOf(one)),
          ...declaringRights(topologyOf(one, { journalDays: 1, deliveryLimit: 1 })),
        ]
        for (const { right, name } of needed) expect(new RegExp(patterns[right]).test(name), name).to.equal(true)
        if (one === other) return
        for (const pattern of Object.values(patterns))
          expect(new RegExp(pattern).test(`${other}.requests`)).to.equal(false)
      }),
    )
  })
})
