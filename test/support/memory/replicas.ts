// What waiting for replicas does, on the memory slot: who asks learns whether a replica has what stands.
import type { Standing } from '../../../src/journal/journal.ts'
import { noteOf } from '../../../src/journal/note.ts'
import { Unavailable } from '../../../src/retry/failures.ts'
import { recordOf, type MemorySlot } from './slot.ts'

/** Throws where it does not stand, or where `behind`: no replica has what was written last. */
export function kept(slot: MemorySlot, { request, what, value }: Standing, behind: boolean): void {
  const record = recordOf(slot, request)
  const intent = record?.intent ?? null
  const stands = what === 'decision' ? record?.decision?.event : intent === null ? null : noteOf(intent)
  if (stands !== value) throw new Unavailable(`the ${what} of request ${request} does not stand`)
  if (behind) throw new Unavailable(`no replica has the ${what} of request ${request} yet`)
}
