// Stories that succeed: servers that move, come, grow, pass on what they hold, and go. Pure.
import type { SeedProvider } from '../ledger/seed-document.ts'
import { FLAVOURS, FULL_HOST, oneOf } from './cloud.ts'
import type { Draft, Held } from './draft.ts'
import { step, type Asked, type Step, type Story } from './story.ts'

/** Null when the cloud has no server or no room for it now. */
export type Writer = (draft: Draft) => Story | null

/** A server that may leave its host, and another host with room for it. */
export function mover(draft: Draft): { readonly server: Held; readonly to: SeedProvider } | null {
  const server = draft.server(({ host }) => host.name !== FULL_HOST)
  const to = server === null ? null : draft.room(server.amounts, ({ id }) => id !== server.host.id)
  return server === null || to === null ? null : { server, to }
}

/** A request that moves a server to `to`. */
export function move(
  draft: Draft,
  operation: Asked['operation'],
  server: Held,
  to: { readonly id: string },
  more: Readonly<Record<string, unknown>> = {},
): Asked {
  const fields = { consumer: server.id, source: server.host.id, destination: to.id, ...more }
  return { id: draft.uuid(), operation, fields }
}

/** A request about one consumer that names nothing else but `more`. */
export function about(
  draft: Draft,
  operation: Asked['operation'],
  consumer: string,
  more: Readonly<Record<string, unknown>> = {},
): Asked {
  return { id: draft.uuid(), operation, fields: { consumer, ...more } }
}

/** A server that is not there yet. */
export function newcomer(draft: Draft): { readonly server: Held; readonly acquire: Asked } | null {
  const amounts = oneOf([FLAVOURS.small, FLAVOURS.medium], draft.chance)
  const host = draft.room(amounts)
  if (host === null) return null
  const server: Held = { id: draft.uuid(), host, amounts, project: 'project-new' }
  const owner = { project: server.project, user: 'demo' }
  return { server, acquire: about(draft, 'acquire', server.id, { destination: host.id, resources: amounts, owner }) }
}

/** A move whose steps `write` gives; afterwards the server is on the new host, or where it was. */
function moving(
  title: string,
  ends: 'there' | 'back',
  write: (draft: Draft, server: Held, to: SeedProvider) => readonly Step[] | null,
): Writer {
  return (draft) => {
    const found = mover(draft)
    const steps = found === null ? null : write(draft, found.server, found.to)
    if (found === null || steps === null) return null
    if (ends === 'there') draft.leave(found.server.id, { ...found.server, host: found.to })
    return { title, steps }
  }
}

export const GOOD: readonly Writer[] = [
  moving('claim, then confirm', 'there', (draft, server, to) => [
    step(move(draft, 'claim', server, to)),
    step(about(draft, 'confirm', server.id)),
  ]),
  moving('claim, then revert', 'back', (draft, server, to) => [
    step(move(draft, 'claim', server, to)),
    step(about(draft, 'revert', server.id)),
  ]),
  moving('transfer', 'there', (draft, server, to) => [step(move(draft, 'transfer', server, to))]),
  moving('claim in mode doubled, then confirm', 'there', (draft, server, to) => [
    step(move(draft, 'claim', server, to, { mode: 'doubled' })),
    step(about(draft, 'confirm', server.id)),
  ]),
  moving('the same message three times', 'there', (draft, server, to) => [
    step(move(draft, 'transfer', server, to), 'applied', 3),
  ]),
  moving('confirm, and confirm again', 'there', (draft, server, to) => [
    step(move(draft, 'claim', server, to)),
    step(about(draft, 'confirm', server.id)),
    step(about(draft, 'confirm', server.id), 'nothing_to_do'),
  ]),
  (draft) => {
    const found = mover(draft)
    if (found === null) return null
    const { server, to } = found
    const further = draft.room(server.amounts, ({ id }) => id !== server.host.id && id !== to.id)
    if (further === null) return null
    draft.leave(server.id, { ...server, host: further })
    return {
      title: 'claim, retarget, then confirm',
      steps: [
        step(move(draft, 'claim', server, to)),
        step(about(draft, 'retarget', server.id, { source: to.id, destination: further.id })),
        step(about(draft, 'confirm', server.id)),
      ],
    }
  },
  (draft) => {
    const found = newcomer(draft)
    if (found === null) return null
    draft.leave(found.server.id, found.server)
    return { title: 'acquire', steps: [step(found.acquire)] }
  },
  (draft) => {
    const found = newcomer(draft)
    if (found === null) return null
    return {
      title: 'acquire, then release twice',
      steps: [
        step(found.acquire),
        step(about(draft, 'release', found.server.id)),
        step(about(draft, 'release', found.server.id), 'nothing_to_do'),
      ],
    }
  },
  (draft) => {
    const server = draft.server(({ host }) => host.name !== FULL_HOST)
    if (server === null) return null
    draft.leave(server.id, null)
    return { title: 'release', steps: [step(about(draft, 'release', server.id))] }
  },
  (draft) => {
    const server = draft.server(({ amounts }) => amounts['VCPU'] === 1)
    const grown = { ...FLAVOURS.medium }
    if (server === null || draft.room(grown, ({ id }) => id === server.host.id) === null) return null
    draft.leave(server.id, { ...server, amounts: grown })
    return {
      title: 'resize, then confirm',
      steps: [
        step(about(draft, 'resize', server.id, { source: server.host.id, resources: grown })),
        step(about(draft, 'confirm', server.id)),
      ],
    }
  },
  (draft) => {
    const server = draft.server(({ amounts: { DISK_GB = 0 } }) => DISK_GB >= 20)
    if (server === null) return null
    const amounts = { ...server.amounts, DISK_GB: server.amounts['DISK_GB']! - 10 }
    draft.leave(server.id, { ...server, amounts })
    return {
      title: 'adjust',
      steps: [step(about(draft, 'adjust', server.id, { deltas: { [server.host.id]: { DISK_GB: -10 } } }))],
    }
  },
  (draft) => {
    const server = draft.server()
    if (server === null) return null
    const heir = draft.uuid()
    draft.leave(server.id, null)
    draft.leave(heir, { ...server, id: heir })
    return {
      title: 'swap the consumer',
      steps: [step(about(draft, 'swap-consumer', server.id, { newConsumer: heir }))],
    }
  },
]
