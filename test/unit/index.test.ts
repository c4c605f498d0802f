// What the package exports, and that a scheduler gets along with it: a promise to those who import it.
import { expect } from 'chai'
import * as ferryman from '../../src/index.ts'
import type {
  Class,
  Code,
  Decoded,
  Delay,
  Effect,
  EventBody,
  Meaning,
  Names,
  Outcome,
  Request,
} from '../../src/index.ts'
import type {
  Allocations,
  Amounts,
  Expect,
  Identity,
  Invalid,
  Message,
  Operation,
  Owner,
  Requires,
  Violation,
  View,
} from '../../src/index.ts'

/** Compiles only while each of these is exported. */
export type Exported = [
  Allocations,
  Amounts,
  Class,
  Code,
  Decoded,
  Delay,
  Effect,
  EventBody,
  Expect,
  Identity,
  Invalid,
  Meaning,
  Message,
  Names,
  Operation,
  Outcome,
  Owner,
  Request,
  Requires,
  Violation,
  View,
]

describe('the package', () => {
  it('exports exactly this', () => {
    expect(Object.keys(ferryman).toSorted()).to.deep.equal([
      'CODES',
      'DELAYS',
      'MEANINGS',
      'NAMESPACE_UUID',
      'OPERATIONS',
      'classOf',
      'decode',
      'effectOf',
      'namesOf',
      'requestSchema',
    ])
  })

  it('tells a scheduler whether its request would be read', () => {
    const check = (request: object): string => {
      const decoded = ferryman.decode({ body: Buffer.from(JSON.stringify(request)), headers: {} }, { bytesMax: 65_536 })
      return decoded.kind === 'request' ? decoded.request.operation : decoded.outcome.code
    }
    const id = '70000000-0000-4000-8000-000000000001'
    expect(check({ version: 1, id, operation: 'release', consumer: id })).to.equal('release')
    expect(check({ version: 1, id, operation: 'release' })).to.equal('schema_invalid')
  })

  it('has a meaning for each code, and for nothing else', () => {
    expect(Object.keys(ferryman.MEANINGS)).to.deep.equal([...ferryman.CODES])
    for (const { means, todo } of Object.values(ferryman.MEANINGS)) {
      expect(means).to.match(/^.{10,}\.$/)
      expect(todo).to.match(/^\S.*\.$/)
    }
  })
})
