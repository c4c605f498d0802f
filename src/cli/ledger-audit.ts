// The command that looks for what does not add up in the books.
import type { Overview } from '../journal/overview.ts'
import { auditOf, type AuditFinding } from '../ledger/audit.ts'
import { decode } from '../transfer/message.ts'
import { scopeOf } from '../transfer/plan.ts'
import type { Books } from '../wire/parts.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { printLine, printTable, type Io } from './output.ts'

export interface AuditParts {
  readonly books: Pick<Books, 'dump'>
  readonly overview: Pick<Overview, 'moves' | 'unfinished'>
}

/** Prints what two looks one after the other both find: what merely moves meanwhile is not told. Exit 1: some. */
export async function ledgerAudit(io: Io, parts: AuditParts, json: boolean): Promise<ExitCode> {
  const first = await look(parts)
  const again = first.length === 0 ? [] : (await look(parts)).map((one) => JSON.stringify(one))
  const stands = first.filter((one) => again.includes(JSON.stringify(one)))
  if (json) for (const one of stands) printLine(io, one)
  else {
    printTable(
      io,
      ['rule', 'provider', 'class', 'consumer', 'request', 'found'],
      stands.map(({ rule, provider, resourceClass, consumer, request, message }) => [
        rule,
        provider,
        resourceClass,
        consumer,
        request,
        message,
      ]),
    )
  }
  return stands.length === 0 ? EXIT.ok : EXIT.no
}

/** n.b. What is under way is asked before and after the books are read: a request may begin or end meanwhile. */
async function look({ books, overview }: AuditParts): Promise<AuditFinding[]> {
  const before = await busyNow(overview)
  const dump = await books.dump()
  const moves = await overview.moves()
  return auditOf(dump, moves, new Set([...before, ...(await busyNow(overview))]))
}

/** Consumers, and derived Ms, of requests that are not decided. */
async function busyNow(overview: AuditParts['overview']): Promise<string[]> {
  const unfinished = await overview.unfinished()
  return unfinished.flatMap(({ record }) => {
    const decoded = record.code === null ? decode({ body: record.body, headers: {} }, { bytesMax: Infinity }) : null
    return decoded?.kind === 'request' ? scopeOf(decoded.request, null).consumers : []
  })
}
