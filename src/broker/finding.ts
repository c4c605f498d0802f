// One difference between the topology as it must be and as it was found, and the sentence that tells it. Pure.

/** As `ferryman topology verify` prints it. */
export interface Finding {
  readonly object: string
  readonly argument: string
  readonly wanted: string
  readonly found: string
  readonly fix: string
}

/** What is wanted, or found, of something that has no value. */
export const NOT_SET = 'not set'

/** The difference in one sentence without an end mark; its fix stands beside it. */
export function sentenceOf({ object, argument, wanted, found }: Finding): string {
  if (argument === 'existence') return `${object} is ${found}`
  return `${object}: ${argument} is ${found}${wanted === NOT_SET ? ' and must not be set' : `, not ${wanted}`}`
}
