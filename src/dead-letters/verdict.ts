// May a letter be replayed: only where it is certain that neither its request nor a replay of it took effect. Pure.
import type { Chain } from './chain.ts'
import type { WholeLetter } from './desk.ts'
import { replayId } from './replay.ts'

export type Verdict =
  /** As the `n`th replay of the letter. */
  | { readonly kind: 'replay'; readonly n: number }
  /** The decision stands; only its event is told again. */
  | { readonly kind: 'tell' }
  /** Nothing is known of the letter's own last replay: to be found out, or else refused because of `why`. */
  | { readonly kind: 'undecided'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string }

export function verdictOf(letter: WholeLetter, chain: Chain): Verdict {
  const refused = (why: string): Verdict => ({ kind: 'refused', why })
  if (letter.state === 'resolved') return refused('it is resolved: nothing is left to do')
  if (letter.state === 'discarded') return refused('it is discarded; ferryman dead-letters restore brings it back')
  if (letter.code === 'event_unroutable') return { kind: 'tell' }
  if (letter.class === 'invalid') {
    return refused(`it is no request that could be carried out (${letter.code}); correct it and send it under a new id`)
  }
  const others = chain.members.filter(({ request }) => request !== letter.request)
  const own = chain.members.find(({ request }) => request === letter.request)
  const standing = own?.standing ?? letter.effect
  if (standing === 'happened') return refused('its effect happened; a replay would do it twice')
  if (standing !== 'did_not_happen') {
    return refused('whether it took effect is not known; ferryman dead-letters reconcile tells what is')
  }
  const open = others.filter((member) => member.standing !== 'did_not_happen')
  const [first] = open
  if (first === undefined) return { kind: 'replay', n: letter.replays + 1 }
  const why = sentenceOf(first.request, first.standing)
  const isItsOwn = open.length === 1 && first.request === replayId(letter.id, letter.replays)
  return isItsOwn && first.standing === 'undecided' ? { kind: 'undecided', why } : refused(why)
}

function sentenceOf(request: string, standing: string): string {
  switch (standing) {
    case 'happened':
      return `request ${request} of its replay chain happened; a replay would do it twice`
    case 'undecided':
      return `no decision on request ${request} of its replay chain is known; see ferryman transfers show ${request}`
    default:
      return `whether request ${request} of its replay chain took effect is not known; reconcile its letter first`
  }
}
