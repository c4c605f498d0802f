// A command line run within the test's own process: as `main.ts` runs it, without the second that a process takes.
import { systemClock } from '../../src/clock/system-clock.ts'
import type { Io } from '../../src/cli/output.ts'
import { run } from '../../src/cli/program.ts'
import { openParts } from '../../src/wire/parts.ts'
import { openWorker } from '../../src/wire/open-worker.ts'
import type { Run } from './program.ts'

/** What may be otherwise than without a terminal and without a signal. `onOut` sees each piece of standard output. */
export type Otherwise = Partial<Pick<Io, 'ask' | 'isTerminal' | 'signal'>> & { readonly onOut?: (text: string) => void }

export async function inProcess(
  words: readonly string[],
  env: Io['env'],
  { onOut = () => undefined, ...otherwise }: Otherwise = {},
): Promise<Run> {
  const said = { out: '', err: '' }
  const io: Io = {
    out: (text) => {
      said.out += text
      onOut(text)
    },
    err: (text) => {
      said.err += text
    },
    input: async () => Buffer.alloc(0),
    env,
    nodeVersion: process.version,
    isTerminal: false,
    signal: new AbortController().signal,
    ...otherwise,
  }
  const code = await run(words, io, {
    clock: systemClock,
    instance: 'test:1',
    openParts,
    openWorker,
    forced: new AbortController().signal,
    onLog: () => undefined,
  })
  return { code, ...said }
}
