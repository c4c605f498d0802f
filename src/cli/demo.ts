// The command that shows all of it: a cloud, two workers, several hundred requests, and whether everything adds up.
import { InvalidArgumentError, type Command } from 'commander'
import { demo, type DemoOptions } from '../demo/demo.ts'
import { screenOf } from '../demo/screen.ts'
import { Telemetry } from '../telemetry/events.ts'
import { EXIT, Exit } from './exit.ts'
import { count } from './options.ts'
import type { Setup } from './program.ts'

const REQUESTS = 500
const SEED = 1

export function addDemoCommand(program: Command, { io, wiring, load, act }: Setup): void {
  program
    .command('demo')
    .description('two workers, a small cloud, several hundred requests good and bad, and whether it all adds up')
    .option('--requests <n>', 'how many messages to publish', count, REQUESTS)
    .option('--seed <n>', 'chooses servers and requests; the same seed chooses the same', seedOf, SEED)
    .option('--keep', 'leave servers and workers running until Ctrl-C')
    .option('--json', 'print a JSON document instead of the picture')
    .addHelpText(
      'after',
      `
It uses RabbitMQ and Redis where they answer at the usual or configured addresses, under a name of its own; else it
starts them, in containers or on free ports. At the end it takes away all that it made. Exit 0 only if every request had
exactly one outcome and the books balance.

Examples:
  npm run demo
  npm run demo -- --requests 2000 --seed 7
  ferryman demo --keep`,
    )
    .action(
      act(async (given: Partial<DemoOptions> & { requests: number; seed: number }) => {
        const { config, origins } = load()
        const options = { ...given, keep: given.keep === true, json: given.json === true }
        const { clock, openParts } = wiring
        try {
          const passed = await demo(options, {
            config,
            origins,
            clock,
            signal: io.signal,
            screen: screenOf(io, clock),
            openParts: (changed) => openParts(changed, clock, new Telemetry()),
          })
          return passed ? EXIT.ok : EXIT.no
        } catch (failure) {
          throw io.signal.aborted ? new Exit(EXIT.no, 'The demo was stopped before its end.') : failure
        }
      }),
    )
}

function seedOf(word: string): number {
  if (!/^\d{1,9}$/.test(word)) throw new InvalidArgumentError('Write a whole number from 0 on.')
  return Number(word)
}
