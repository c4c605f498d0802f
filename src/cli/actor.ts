// Who acts: the option that every acting command takes.
import { userInfo } from 'node:os'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Io } from './output.ts'

const NAME_MAX = 128

/** `--by`; where it is not given, the operating system's user. */
export function withActor(command: Command, io: Io): Command {
  return command
    .addOption(
      new Option('--by <name>', "who acts (default: the operating system's user)")
        .argParser(shortText(NAME_MAX))
        .default(undefined),
    )
    .hook('preAction', (_, action) => {
      if (action.getOptionValue('by') === undefined) action.setOptionValue('by', userOf(io))
    })
}

/** n.b. A container may run under a number that has no name. */
function userOf(io: Io): string {
  try {
    return userInfo().username
  } catch {
    return io.env['USER'] ?? 'unknown'
  }
}

/** A text of at most `longest` characters that is not empty. */
export function shortText(longest: number): (word: string) => string {
  return (word) => {
    const text = word.trim()
    if (text === '') throw new InvalidArgumentError('It must not be empty.')
    if (text.length > longest) throw new InvalidArgumentError(`It has more than ${longest} characters.`)
    return text
  }
}
