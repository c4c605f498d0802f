// The commands about the books: seed them, dump them, show one consumer or provider.
import { readFile } from 'node:fs/promises'
import type { Provider } from '../transfer/snapshot.ts'
import { isUuid } from '../transfer/uuid.ts'
import type { Books, DumpedConsumer } from '../wire/parts.ts'
import { EXIT, Exit, type ExitCode } from './exit.ts'
import { printFields, printJson, printTable, type Io } from './output.ts'

/** Writes a seed file as a whole, or prints every violation and writes nothing. */
export async function ledgerSeed(
  io: Io,
  books: Books,
  text: string,
  options: { replace: boolean; json: boolean },
): Promise<ExitCode> {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new Exit(EXIT.no, 'The seed is not JSON; nothing was written. Correct it.')
  }
  const { written, violations } = await books.seed(document, { replace: options.replace })
  if (options.json) printJson(io, { written, violations })
  if (written === null) {
    if (!options.json) {
      printTable(
        { ...io, out: io.err },
        ['path', 'violation'],
        violations.map(({ path, message }) => [path, message]),
      )
    }
    throw new Exit(EXIT.no, `The seed has ${violations.length} violations; nothing was written.`)
  }
  if (!options.json) printFields(io, { ...written })
  return EXIT.ok
}

/** All of the books at one moment; `--json` is the seed format. */
export async function ledgerDump(io: Io, books: Books, json: boolean): Promise<ExitCode> {
  const dump = await books.dump()
  if (json) printJson(io, dump)
  else {
    for (const provider of dump.providers) printProvider(io, provider)
    io.out('\n')
    printConsumers(io, dump.consumers)
  }
  return EXIT.ok
}

/** One consumer, or one provider with those that hold something of it. */
export async function ledgerShow(
  io: Io,
  open: () => Promise<Books>,
  options: { consumer?: string; provider?: string; json?: true },
): Promise<ExitCode> {
  const { consumer, provider } = options
  if ((consumer === undefined) === (provider === undefined)) {
    throw new Exit(EXIT.usage, 'Give --consumer ID or --provider ID, one of them.')
  }
  const id = (consumer ?? provider ?? '').toLowerCase()
  if (!isUuid(id)) throw new Exit(EXIT.usage, `${JSON.stringify(id)} is no uuid.`)
  const show = consumer === undefined ? showProvider : showConsumer
  return show(io, await open(), id, options.json === true)
}

async function showConsumer(io: Io, books: Books, id: string, json: boolean): Promise<ExitCode> {
  const found = await books.consumer(id)
  if (found === null) throw new Exit(EXIT.no, `Consumer ${id} holds nothing.`)
  if (json) printJson(io, found)
  else printConsumers(io, [found])
  return EXIT.ok
}

async function showProvider(io: Io, books: Books, id: string, json: boolean): Promise<ExitCode> {
  const found = await books.provider(id)
  if (found === null) throw new Exit(EXIT.no, `The ledger has no provider ${id}.`)
  if (json) printJson(io, { ...found.provider, consumers: found.consumers })
  else {
    printProvider(io, found.provider)
    io.out('\n')
    printConsumers(io, found.consumers)
  }
  return EXIT.ok
}

function printProvider(io: Io, provider: Provider): void {
  io.out('\n')
  printFields(io, {
    provider: provider.id,
    name: provider.name,
    parent: provider.parent,
    generation: provider.generation,
    traits: provider.traits.join(' '),
    aggregates: provider.aggregates.join(' '),
  })
  printTable(
    io,
    ['class', 'used', 'total', 'reserved', 'ratio', 'min', 'max', 'step'],
    Object.entries(provider.inventories).map(([name, inventory]) => [
      name,
      provider.usages[name] ?? 0,
      inventory.total,
      inventory.reserved,
      inventory.allocation_ratio,
      inventory.min_unit,
      inventory.max_unit,
      inventory.step_size,
    ]),
  )
}

function printConsumers(io: Io, consumers: readonly DumpedConsumer[]): void {
  const rows = consumers.flatMap((consumer) =>
    Object.entries(consumer.allocations).map(([provider, amounts]) => [
      consumer.id,
      consumer.type,
      consumer.generation,
      provider,
      Object.entries(amounts)
        .map(([name, amount]) => `${name}=${amount}`)
        .join(','),
    ]),
  )
  printTable(io, ['consumer', 'type', 'generation', 'provider', 'resources'], rows)
}

/** A file, or standard input for `-`. */
export async function readSource(io: Io, file: string): Promise<Buffer> {
  if (file === '-') return io.input()
  try {
    return await readFile(file)
  } catch (failure) {
    const code = (failure as NodeJS.ErrnoException).code ?? 'unknown'
    throw new Exit(
      EXIT.usage,
      `${JSON.stringify(file)} cannot be read (${code}). Give a file, or - for standard input.`,
    )
  }
}
