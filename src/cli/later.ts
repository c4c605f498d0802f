// Commands that the contract names and this version does not have yet: not in any help, and refused by name.
import type { Command } from 'commander'
import { EXIT, Exit } from './exit.ts'

/** Adds hidden commands that end with 64 and say so. */
export function addLater(parent: Command, names: readonly string[]): void {
  for (const name of names) {
    parent
      .command(name, { hidden: true })
      .argument('[words...]')
      .allowUnknownOption()
      .helpOption(false)
      .action(() => {
        const path = parent.parent === null ? name : `${parent.name()} ${name}`
        throw new Exit(EXIT.usage, `ferryman ${path} comes with a later version.`)
      })
  }
}
