// The commands about single requests: what was asked, decided, written and told, and calling one off.
import type { Journal, RecordView } from '../journal/journal.ts'
import { isUuid } from '../transfer/uuid.ts'
import { EXIT, Exit, type ExitCode } from './exit.ts'
import { printFields, printJson, printLine, printTable, type Io } from './output.ts'
import { requestOne, type RequestParts } from './request.ts'

/** The newest requests, newest first. */
export async function transfersList(
  io: Io,
  journal: Pick<Journal, 'list'>,
  limit: number,
  json: boolean,
): Promise<ExitCode> {
  const records = await journal.list(limit)
  if (json) for (const record of records) printLine(io, summaryOf(record))
  else {
    printTable(
      io,
      ['request', 'operation', 'state', 'code', 'attempts', 'begun', 'told'],
      records.map((record) => {
        const { id, operation, state, code, attempts, begunAt, toldAt } = summaryOf(record)
        return [id, operation, state, code, attempts, begunAt, toldAt]
      }),
    )
  }
  return EXIT.ok
}

/** One request, whole. */
export async function transfersShow(
  io: Io,
  journal: Pick<Journal, 'show'>,
  id: string,
  json: boolean,
): Promise<ExitCode> {
  const record = await journal.show(id.toLowerCase())
  if (record === null) {
    throw new Exit(
      EXIT.no,
      `The journal has no request ${id}: it was never begun, or is forgotten (journal.tombstoneDays).`,
    )
  }
  const event = record.event === null ? null : (JSON.parse(record.event) as Record<string, unknown>)
  const request = parsed(record.body.toString('utf8'))
  const document = { ...summaryOf(record), body: request, event }
  if (json) printJson(io, document)
  else {
    printFields(io, summaryOf(record))
    io.out('\nrequest\n')
    printJson(io, request)
    if (event !== null) {
      io.out('\nevent\n')
      printJson(io, event)
    }
  }
  return EXIT.ok
}

export interface CancelOptions {
  readonly by: string
  readonly wait?: true
  /** How long to wait for the event, in ms. */
  readonly timeout: number
  readonly json?: true
}

/** Publishes a cancel of `id`; who asked stands in its context, and so in its event. */
export async function transfersCancel(
  io: Io,
  parts: RequestParts,
  id: string,
  { by, ...options }: CancelOptions,
): Promise<ExitCode> {
  if (!isUuid(id)) throw new Exit(EXIT.usage, `${JSON.stringify(id)} is no id of a request: give its uuid.`)
  return requestOne(io, parts, 'cancel', { ...options, request: id, field: { context: { by } } })
}

interface Summary {
  readonly [name: string]: string | number | null
  readonly id: string
  readonly operation: string
  readonly state: string
  readonly code: string | null
  readonly attempts: number
  readonly begunAt: string | null
  readonly decidedAt: string | null
  readonly toldAt: string | null
  readonly dueAt: string | null
  readonly holder: string | null
}

function summaryOf(record: RecordView): Summary {
  return {
    id: record.id,
    operation: record.operation,
    state: record.state,
    code: record.code,
    attempts: record.attempts,
    begunAt: timeOf(record.begunAtMs),
    decidedAt: timeOf(record.decidedAtMs),
    toldAt: timeOf(record.toldAtMs),
    dueAt: timeOf(record.dueAtMs),
    holder: record.holder,
  }
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/** A recorded body has been accepted once, so it is JSON; should it be none, its text is shown. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
