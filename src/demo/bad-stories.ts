// Stories that fail, one for each reason a request can be invalid or refused for. Pure.
import type { Code } from '../transfer/outcome.ts'
import { AVX, DISABLED_HOST, FLAVOURS, FULL_HOST, POOL, SMALL_UNITS_HOST } from './cloud.ts'
import type { Draft, Held } from './draft.ts'
import { about, move, mover, newcomer, type Writer } from './good-stories.ts'
import { bodyOf, rawStep, step, type Asked, type Step } from './story.ts'

const OWNER = { project: 'project-new', user: 'demo' }
const LONG_AGO = '2020-01-01T00:00:00Z'

interface Refusal {
  readonly code: Code
  readonly title: string
  /** Which server will do; default: any. */
  readonly like?: (held: Held) => boolean
  readonly copies?: number
}

/** A story about a server that stays where it is. */
function refusing({ code, title, like, copies }: Refusal, write: (draft: Draft, server: Held) => Asked): Writer {
  return (draft) => {
    const server = draft.server(like)
    return server === null ? null : { title, steps: [step(write(draft, server), code, copies)] }
  }
}

/** A server that asks for more than the full host has left. */
function isTooBig({ host, amounts }: Held): boolean {
  return host.name !== FULL_HOST && amounts['VCPU']! >= 2
}

/** A message that is none, or whose id another has. */
function invalid(code: Code, title: string, body: (id: string, draft: Draft) => Buffer): Writer {
  return (draft) => {
    const id = draft.uuid()
    return { title, steps: [rawStep({ id, operation: 'transfer' }, body(id, draft), code)] }
  }
}

/** Any host but the server's own, `like` that. */
function elsewhere(draft: Draft, server: Held, ...names: readonly string[]): { readonly id: string } {
  return names.map((name) => draft.host(name)).find(({ id }) => id !== server.host.id)!
}

/** A transfer as it should be, to be spoilt. */
function proper(id: string, draft: Draft): Record<string, unknown> {
  const [source, destination] = [draft.host('cn-01').id, draft.host('cn-02').id]
  return { version: 1, id, operation: 'transfer', consumer: draft.uuid(), source, destination, origin: 'demo' }
}

const INVALID = (bytesMax: number): readonly Writer[] => [
  invalid('too_large', 'a message that is too large', (id, draft) =>
    bodyOf({ ...proper(id, draft), context: { filler: 'x'.repeat(bytesMax) } }),
  ),
  invalid('malformed', 'half a message', (id, draft) => bodyOf(proper(id, draft)).subarray(0, 90)),
  invalid('malformed', 'a key named twice', (id, draft) =>
    Buffer.from(bodyOf(proper(id, draft)).toString().replace('{', '{"version":1,')),
  ),
  invalid('unsupported_version', 'a version of tomorrow', (id, draft) => bodyOf({ ...proper(id, draft), version: 2 })),
  invalid('schema_invalid', 'a misspelt field', (id, draft) => bodyOf({ ...proper(id, draft), resource: { VCPU: 2 } })),
  invalid('schema_invalid', 'an amount below zero', (id, draft) =>
    bodyOf({ ...proper(id, draft), resources: { VCPU: -2 } }),
  ),
  invalid('schema_invalid', 'a missing source', (id, draft) => {
    const { source: _, ...rest } = proper(id, draft)
    return bodyOf(rest)
  }),
  (draft) => {
    const found = newcomer(draft)
    if (found === null) return null
    const { server, acquire } = found
    draft.leave(server.id, server)
    const other = { ...acquire, fields: { ...acquire.fields, resources: FLAVOURS.xlarge } }
    return { title: 'an id used again for something else', steps: [step(acquire), step(other, 'id_reused')] }
  },
]

const REFUSED: readonly Writer[] = [
  refusing({ code: 'expired', title: 'a deadline that has passed' }, (draft, server) =>
    move(draft, 'transfer', server, elsewhere(draft, server, 'cn-01', 'cn-02'), { notAfter: LONG_AGO }),
  ),
  (draft) => {
    const server = draft.server()
    if (server === null) return null
    const late = move(draft, 'transfer', server, elsewhere(draft, server, 'cn-01', 'cn-02'))
    const cancel: Asked = { id: draft.uuid(), operation: 'cancel', fields: { request: late.id } }
    return { title: 'cancelled before it came', steps: [step(cancel), step(late, 'cancelled')] }
  },
  (draft) => {
    const found = mover(draft)
    if (found === null) return null
    const transfer = move(draft, 'transfer', found.server, found.to)
    draft.leave(found.server.id, { ...found.server, host: found.to })
    const cancel: Asked = { id: draft.uuid(), operation: 'cancel', fields: { request: transfer.id } }
    return { title: 'cancelled too late', steps: [step(transfer), step(cancel, 'superseded')] }
  },
  (draft) => {
    const found = mover(draft)
    if (found === null) return null
    const { server, to } = found
    const steps: Step[] = [
      step(move(draft, 'claim', server, to)),
      step(move(draft, 'transfer', { ...server, host: to }, server.host), 'conflicting_operation'),
      step(about(draft, 'revert', server.id)),
    ]
    return { title: 'a transfer in the middle of a move', steps }
  },
  refusing({ code: 'source_missing', title: 'a server that nobody knows' }, (draft, server) =>
    move(draft, 'claim', { ...server, id: draft.uuid() }, elsewhere(draft, server, 'cn-01', 'cn-02')),
  ),
  refusing({ code: 'source_missing', title: 'the end of a move that nobody began' }, (draft) =>
    about(draft, 'confirm', draft.uuid()),
  ),
  refusing({ code: 'source_unexpected', title: 'a server that is elsewhere' }, (draft, server) => {
    const wrong = elsewhere(draft, server, 'cn-03', 'cn-04')
    const to = elsewhere(draft, server, 'cn-01', 'cn-02')
    return about(draft, 'transfer', server.id, { source: wrong.id, destination: to.id })
  }),
  refusing({ code: 'owner_mismatch', title: 'a server of another project' }, (draft, server) =>
    move(draft, 'transfer', server, elsewhere(draft, server, 'cn-01', 'cn-02'), {
      expect: { project: 'someone-else' },
    }),
  ),
  refusing({ code: 'generation_mismatch', title: 'a state that was read long ago' }, (draft, server) =>
    move(draft, 'transfer', server, elsewhere(draft, server, 'cn-01', 'cn-02'), {
      expect: { consumerGeneration: 4_711 },
    }),
  ),
  refusing({ code: 'destination_missing', title: 'a host that does not exist' }, (draft, server) =>
    move(draft, 'transfer', server, { id: draft.uuid() }),
  ),
  refusing(
    {
      code: 'destination_disabled',
      title: 'a host that is disabled',
      like: ({ host }) => host.name !== DISABLED_HOST,
    },
    (draft, server) => move(draft, 'transfer', server, draft.host(DISABLED_HOST)),
  ),
  refusing({ code: 'traits_unmet', title: 'a processor that the host does not have' }, (draft, server) =>
    move(draft, 'transfer', server, elsewhere(draft, server, 'cn-03', 'cn-04'), { requires: { traits: [AVX] } }),
  ),
  refusing(
    {
      code: 'aggregates_unmet',
      title: 'a host outside the aggregate',
      like: ({ host }) => host.name !== 'cn-05',
    },
    (draft, server) => move(draft, 'transfer', server, draft.host('cn-05'), { requires: { aggregates: [POOL] } }),
  ),
  refusing({ code: 'no_inventory', title: 'a graphics card where there is none' }, (draft) =>
    about(draft, 'acquire', draft.uuid(), {
      destination: draft.host('cn-01').id,
      resources: { VCPU: 1, VGPU: 1 },
      owner: OWNER,
    }),
  ),
  refusing({ code: 'unit_violation', title: 'more than one server may have' }, (draft) =>
    about(draft, 'acquire', draft.uuid(), {
      destination: draft.host(SMALL_UNITS_HOST).id,
      resources: FLAVOURS.xlarge,
      owner: OWNER,
    }),
  ),
  refusing(
    {
      code: 'capacity_exceeded',
      title: 'a host without room, asked twice with one id',
      like: isTooBig,
      copies: 2,
    },
    (draft, server) => move(draft, 'transfer', server, draft.host(FULL_HOST)),
  ),
  refusing(
    {
      code: 'no_candidate',
      title: 'three hosts, none of which can',
      like: (held) => isTooBig(held) && held.host.name !== DISABLED_HOST,
    },
    (draft, server) =>
      move(draft, 'claim', server, draft.host(FULL_HOST), { alternates: [draft.host(DISABLED_HOST).id, draft.uuid()] }),
  ),
]

/** One writer or more for each code. */
export function badStories(bytesMax: number): readonly Writer[] {
  return [...INVALID(bytesMax), ...REFUSED]
}
