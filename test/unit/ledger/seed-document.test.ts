// The seed format: what is read from a document, and every violation with its place.
import { inspect } from 'node:util'
import { expect } from 'chai'
import { parseSeed, type KnownProviders } from '../../../src/ledger/seed-document.ts'

const P = 'aaaaaaaa-0000-4000-8000-000000000001'
const Q = 'aaaaaaaa-0000-4000-8000-000000000002'
const C = 'cccccccc-0000-4000-8000-000000000001'
const VCPU = { total: 64, reserved: 0, allocation_ratio: 16, min_unit: 1, max_unit: 64, step_size: 1 }
const PROVIDER = { id: P, name: 'one', parent: null, traits: [], aggregates: [], inventories: { VCPU } }
const CONSUMER = { id: C, type: 'INSTANCE', project: 'p', user: 'u', allocations: { [P]: { VCPU: 2 } } }

function pathsOf(document: unknown, known?: KnownProviders): readonly string[] {
  return parseSeed(document, known).violations.map(({ path }) => path)
}

function withInventory(change: object): unknown {
  return { providers: [{ ...PROVIDER, inventories: { VCPU: { ...VCPU, ...change } } }] }
}

function withConsumer(change: object): unknown {
  return { providers: [PROVIDER], consumers: [{ ...CONSUMER, ...change }] }
}

describe('a seed', () => {
  it('is read as it stands', () => {
    expect(parseSeed({ providers: [PROVIDER], consumers: [CONSUMER] })).deep.equal({
      seed: { providers: [PROVIDER], consumers: [CONSUMER] },
      violations: [],
    })
  })

  it('has its uuids lower-cased, lists sorted, repeated entries once, generation and usages ignored', () => {
    const { seed } = parseSeed({
      providers: [
        {
          ...PROVIDER,
          id: P.toUpperCase(),
          traits: ['B', 'A', 'B'],
          aggregates: [Q.toUpperCase(), Q],
          generation: 4,
          usages: { VCPU: 2 },
        },
      ],
      consumers: [{ ...CONSUMER, id: C.toUpperCase(), allocations: { [P.toUpperCase()]: { VCPU: 2 } }, generation: 3 }],
    })
    expect(seed).deep.equal({
      providers: [{ ...PROVIDER, traits: ['A', 'B'], aggregates: [Q] }],
      consumers: [CONSUMER],
    })
  })

  it('has defaults for what Placement has defaults for', () => {
    const { seed } = parseSeed({
      providers: [{ id: P, inventories: { VCPU: { total: 8 } } }],
      consumers: [{ id: C, project: 'p', user: 'u', allocations: { [P]: { VCPU: 1 } } }],
    })
    expect(seed!.providers[0]).deep.equal({
      id: P,
      name: P,
      parent: null,
      traits: [],
      aggregates: [],
      inventories: {
        VCPU: { total: 8, reserved: 0, allocation_ratio: 1, min_unit: 1, max_unit: 2_147_483_647, step_size: 1 },
      },
    })
    expect(seed!.consumers[0]!.type).equal('INSTANCE')
  })

  it('may refer to providers that stand already', () => {
    const known = new Map([[Q, new Set(['VCPU'])]])
    const document = {
      providers: [{ ...PROVIDER, parent: Q }],
      consumers: [{ ...CONSUMER, allocations: { [Q]: { VCPU: 1 } } }],
    }
    expect(pathsOf(document, known)).deep.equal([])
    expect(pathsOf(document)).deep.equal(['/providers/0/parent', `/consumers/0/allocations/${Q}`])
  })

  const wrong: Readonly<Record<string, readonly [unknown, readonly string[]]>> = {
    'that is no object': [[], ['']],
    'that is null': [null, ['']],
    'with an unknown field at the top': [{ consumer: [] }, ['/consumer']],
    'with providers that are no list': [{ providers: {} }, ['/providers']],
    'with an unknown field of a provider': [{ providers: [{ ...PROVIDER, 'a/b~': 1 }] }, ['/providers/0/a~1b~0']],
    'with an unknown field of an inventory': [withInventory({ min: 1 }), ['/providers/0/inventories/VCPU/min']],
    'with an unknown field of a consumer': [withConsumer({ owner: 'x' }), ['/consumers/0/owner']],
    'with a uuid without hyphens': [{ providers: [{ ...PROVIDER, id: P.replaceAll('-', '') }] }, ['/providers/0/id']],
    'with a uuid in braces': [withConsumer({ id: `{${C}}` }), ['/consumers/0/id']],
    'with a uuid and a line end': [withConsumer({ id: `${C}\n` }), ['/consumers/0/id']],
    'with a name that is empty': [{ providers: [{ ...PROVIDER, name: '' }] }, ['/providers/0/name']],
    'with a trait in small letters': [{ providers: [{ ...PROVIDER, traits: ['hw'] }] }, ['/providers/0/traits/0']],
    'with a resource class with a comma': [
      { providers: [{ ...PROVIDER, inventories: { 'A,B': VCPU } }] },
      ['/providers/0/inventories/A,B'],
    ],
    'with a provider twice, in two spellings': [
      { providers: [PROVIDER, { ...PROVIDER, id: P.toUpperCase(), name: 'two' }] },
      ['/providers/1/id'],
    ],
    'with a provider name twice': [{ providers: [PROVIDER, { ...PROVIDER, id: Q }] }, ['/providers/1/name']],
    'with a consumer twice': [{ providers: [PROVIDER], consumers: [CONSUMER, CONSUMER] }, ['/consumers/1/id']],
    'with a provider twice in one consumer': [
      withConsumer({ allocations: { [P]: { VCPU: 1 }, [P.toUpperCase()]: { VCPU: 1 } } }),
      [`/consumers/0/allocations/${P.toUpperCase()}`],
    ],
    'with a provider that is its own parent': [{ providers: [{ ...PROVIDER, parent: P }] }, ['/providers/0/parent']],
    'with providers above each other': [
      {
        providers: [
          { ...PROVIDER, parent: Q },
          { ...PROVIDER, id: Q, name: 'two', parent: P },
        ],
      },
      ['/providers/0/parent', '/providers/1/parent'],
    ],
    'with min_unit above max_unit': [withInventory({ min_unit: 65 }), ['/providers/0/inventories/VCPU/min_unit']],
    'with a step of 0': [withInventory({ step_size: 0 }), ['/providers/0/inventories/VCPU/step_size']],
    'with a consumer that holds nothing': [withConsumer({ allocations: {} }), ['/consumers/0/allocations']],
    'with a provider without classes': [withConsumer({ allocations: { [P]: {} } }), [`/consumers/0/allocations/${P}`]],
    'with a class the provider does not offer': [
      withConsumer({ allocations: { [P]: { DISK_GB: 1 } } }),
      [`/consumers/0/allocations/${P}/DISK_GB`],
    ],
    'with a class named like a member of objects': [
      withConsumer({ allocations: { [P]: { constructor: 1 } } }),
      [`/consumers/0/allocations/${P}/constructor`, `/consumers/0/allocations/${P}/constructor`],
    ],
    'with a consumer without project': [withConsumer({ project: undefined }), ['/consumers/0/project']],
    'with everything wrong at once': [
      { providers: [{ ...PROVIDER, id: 1, name: 2 }], consumers: [{ ...CONSUMER, user: 3 }] },
      ['/providers/0/id', '/providers/0/name', '/consumers/0/user', `/consumers/0/allocations/${P}`],
    ],
  }
  for (const [what, [document, paths]] of Object.entries(wrong)) {
    it(`${what} is refused, naming where`, () => {
      expect(pathsOf(document)).deep.equal(paths)
      expect(parseSeed(document).seed).equal(null)
    })
  }

  for (const amount of [0, -1, 1.5, '2', true, null, NaN, Infinity, 2_147_483_648, 2 ** 53, 1e30, {}, []]) {
    it(`with ${inspect(amount)} of a class is refused`, () => {
      expect(pathsOf(withConsumer({ allocations: { [P]: { VCPU: amount } } }))).deep.equal([
        `/consumers/0/allocations/${P}/VCPU`,
      ])
    })
  }
  for (const ratio of [0, -1, NaN, Infinity, '1', true]) {
    it(`with the ratio ${String(ratio)} is refused`, () => {
      expect(pathsOf(withInventory({ allocation_ratio: ratio }))).deep.equal([
        '/providers/0/inventories/VCPU/allocation_ratio',
      ])
    })
  }
})
