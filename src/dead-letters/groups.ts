// Letters by cause: code, and the provider that the code is about. Pure.
import type { Letter, LetterClass } from './desk.ts'

export interface Group {
  /** `<code>/<provider>`, as `replay --group` takes it; `-` where there is no provider. */
  readonly group: string
  readonly code: string
  readonly class: LetterClass
  readonly provider: string | null
  readonly count: number
  /** First failure of the oldest, and last failure of the newest. RFC 3339. */
  readonly oldest: string
  readonly newest: string
}

/** The provider that a letter is about: where it was to go, but for codes that speak of where it was. */
export function providerOf({
  code,
  source,
  destination,
}: Pick<Letter, 'code' | 'source' | 'destination'>): string | null {
  return /^(?:source|owner|generation)_/.test(code) ? (source ?? destination) : (destination ?? source)
}

export function groupOf(letter: Pick<Letter, 'code' | 'source' | 'destination'>): string {
  return `${letter.code}/${providerOf(letter) ?? '-'}`
}

/** Whether a letter is in the group that a person names: `<code>/<provider>`, or a code for all its providers. */
export function isIn(letter: Pick<Letter, 'code' | 'source' | 'destination'>, group: string): boolean {
  return group.includes('/') ? groupOf(letter) === group.toLowerCase() : letter.code === group
}

/** Largest first, then oldest first. */
export async function groupsOf(letters: AsyncIterable<Letter>): Promise<readonly Group[]> {
  const groups = new Map<string, Group>()
  for await (const letter of letters) {
    const group = groupOf(letter)
    const { code, class: letterClass, firstFailedAt, lastFailedAt } = letter
    const { count, oldest, newest } = groups.get(group) ?? { count: 0, oldest: firstFailedAt, newest: lastFailedAt }
    groups.set(group, {
      group,
      code,
      class: letterClass,
      provider: providerOf(letter),
      count: count + 1,
      oldest: firstFailedAt < oldest ? firstFailedAt : oldest,
      newest: lastFailedAt > newest ? lastFailedAt : newest,
    })
  }
  return [...groups.values()].sort((a, b) => b.count - a.count || a.oldest.localeCompare(b.oldest))
}
