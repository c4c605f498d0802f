// Kinds of fields of a request: each reads a parsed value (lower-casing uuids) and has its JSON Schema beside it.
import type { Violation } from './outcome.ts'
import type { Amounts } from './request.ts'
import { asciiCut } from './ascii.ts'
import { rfc3339Ms } from './deadline.ts'
import { UUID_PATTERN, isUuid } from './uuid.ts'

/** Largest amount, Placement's own bound. */
export const AMOUNT_MAX = 2_147_483_647
/** A refused message names at most so many problems. */
export const PROBLEMS_MAX = 64

const NAME_PATTERN = '^[A-Z0-9_]{1,255}$'
const TEXT_PATTERN = '^[^\\p{Cc}\\p{Cs}]{1,255}$'
const SHOWN_MAX = 48
/** Keys that stand in a path as they are: nearly all, and paths are made for every field. */
const PLAIN_KEY = /^[A-Za-z0-9_-]{1,48}$/

export type JsonSchema = Readonly<Record<string, unknown>>

/** Where a reader tells what is wrong; what lies beyond the bound is dropped. */
export interface Problems {
  readonly violations: Violation[]
}

/** Reads one value; what it cannot accept it tells `problems`, and returns undefined. */
export interface Field<Value> {
  readonly schema: JsonSchema
  read(value: unknown, path: string, problems: Problems): Value | undefined
}

/** Notes that the value at `path` (a JSON pointer) is wrong. */
export function problem(problems: Problems, path: string, message: string): undefined {
  if (problems.violations.length < PROBLEMS_MAX) problems.violations.push({ rule: 'schema', path, message })
}

/** `path` and one more segment, escaped as RFC 6901 has it and cut where it is very long. */
export function below(path: string, key: string | number): string {
  if (typeof key === 'number' || PLAIN_KEY.test(key)) return `${path}/${key}`
  const segment = key.replaceAll('~', '~0').replaceAll('/', '~1')
  return `${path}/${asciiCut(segment, SHOWN_MAX)}`
}

/** A parsed value for a sentence: cut where it is long. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  return asciiCut(typeof value === 'string' ? `"${value.slice(0, SHOWN_MAX)}"` : String(value), SHOWN_MAX)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const uuid: Field<string> = {
  schema: { type: 'string', pattern: UUID_PATTERN },
  read(value, path, problems) {
    if (isUuid(value)) return value.toLowerCase()
    return problem(problems, path, `must be a uuid with hyphens, not ${shown(value)}`)
  },
}

/** Upper-case name of a resource class, a trait or a consumer type. */
export const className: Field<string> = matching(NAME_PATTERN, 'upper-case letters, digits and _ (at most 255)')

/** Name of a project or user: 1 to 255 characters, none of them a control character or half a surrogate pair. */
export const ownerName: Field<string> = matching(TEXT_PATTERN, '1 to 255 characters without control characters')

/** A string that matches `pattern`. */
export function matching(pattern: string, words: string): Field<string> {
  const expression = new RegExp(pattern, 'u')
  return {
    schema: { type: 'string', pattern },
    read(value, path, problems) {
      if (typeof value === 'string' && expression.test(value)) return value
      return problem(problems, path, `must be a string of ${words}, not ${shown(value)}`)
    },
  }
}

export const flag: Field<boolean> = {
  schema: { type: 'boolean' },
  read(value, path, problems) {
    if (typeof value === 'boolean') return value
    return problem(problems, path, `must be true or false, not ${shown(value)}`)
  },
}

/** One of a few strings. */
export function oneOf<const Value extends string>(values: readonly Value[]): Field<Value> {
  return {
    schema: { enum: values },
    read(value, path, problems) {
      const found = values.find((candidate) => candidate === value)
      return found ?? problem(problems, path, `must be one of ${values.join(', ')}, not ${shown(value)}`)
    },
  }
}

/** An integer from `least` to `most`; -0 is refused, since it is written otherwise than it counts. */
export function integer(least: number, most: number, except?: number): Field<number> {
  const words = `an integer from ${least} to ${most}${except === undefined ? '' : `, but not ${except}`}`
  return {
    schema: {
      type: 'integer',
      minimum: least,
      maximum: most,
      ...(except === undefined ? {} : { not: { const: except } }),
    },
    read(value, path, problems) {
      const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      if (fits && value !== except && !Object.is(value, -0)) return value
      return problem(problems, path, `must be ${words}, not ${shown(value)}`)
    },
  }
}

/** A list of at most `most` items. */
export function listOf<Item>(item: Field<Item>, most?: number): Field<readonly Item[]> {
  return {
    schema: { type: 'array', items: item.schema, ...(most === undefined ? {} : { maxItems: most }) },
    read(value, path, problems) {
      if (!Array.isArray(value)) return problem(problems, path, `must be a list, not ${shown(value)}`)
      if (most !== undefined && value.length > most) {
        return problem(problems, path, `must have at most ${most} items, not ${value.length}`)
      }
      const items: Item[] = []
      for (const [position, member] of value.entries()) {
        const read = item.read(member, below(path, position), problems)
        if (read !== undefined) items.push(read)
      }
      return items
    },
  }
}

/** A non-empty object whose keys and values are read alike. Two keys that are read as one are refused. */
export function mapOf<Member>(
  key: Field<string>,
  member: Field<Member>,
  words: string,
): Field<Readonly<Record<string, Member>>> {
  return {
    schema: { type: 'object', minProperties: 1, propertyNames: key.schema, additionalProperties: member.schema },
    read(value, path, problems) {
      if (!isRecord(value)) return problem(problems, path, `must be an object of ${words}, not ${shown(value)}`)
      const names = Object.keys(value)
      if (names.length === 0)
        return problem(problems, path, `must name ${words}; {} is refused so that nothing is lost by mistake`)
      const members: Record<string, Member> = {}
      for (const name of names) {
        const at = below(path, name)
        const readName = key.read(name, at, problems)
        const readMember = member.read(value[name], at, problems)
        if (readName === undefined || readMember === undefined) continue
        if (Object.hasOwn(members, readName)) problem(problems, at, 'names the same thing twice, in two spellings')
        members[readName] = readMember
      }
      return members
    },
  }
}

/** Units by resource class. */
export const amounts: Field<Amounts> = mapOf(className, integer(1, AMOUNT_MAX), 'resource classes and amounts')

/** An object with exactly the named members, of which `required` must be there. */
export function objectOf<Shape extends object>(
  members: { readonly [Name in keyof Shape]-?: Field<NonNullable<Shape[Name]>> },
  required: readonly (keyof Shape & string)[] = [],
): Field<Partial<Shape>> {
  const fields = new Map(Object.entries<Field<unknown>>(members))
  const properties = Object.fromEntries([...fields].map(([name, field]) => [name, field.schema]))
  return {
    schema: { type: 'object', additionalProperties: false, required, properties },
    read(value, path, problems) {
      if (!isRecord(value)) return problem(problems, path, `must be an object, not ${shown(value)}`)
      const read: Record<string, unknown> = {}
      for (const name of Object.keys(value)) {
        const field = fields.get(name)
        if (field === undefined) problem(problems, below(path, name), 'is not a known field')
        else read[name] = field.read(value[name], below(path, name), problems)
      }
      for (const name of required) if (!Object.hasOwn(value, name)) problem(problems, below(path, name), 'is required')
      return read as Partial<Shape>
    },
  }
}

/** A moment, RFC 3339 with offset; kept as given. */
export const moment: Field<string> = {
  schema: { type: 'string', format: 'date-time' },
  read(value, path, problems) {
    if (typeof value === 'string' && rfc3339Ms(value) !== null) return value
    return problem(
      problems,
      path,
      `must be a moment as RFC 3339 has it, with an offset (2026-11-22T10:00:00Z), not ${shown(value)}`,
    )
  },
}

/** Any object of at most `bytesMax` bytes as JSON. */
export function opaque(bytesMax: number): Field<Readonly<Record<string, unknown>>> {
  return {
    schema: { type: 'object', description: `at most ${bytesMax} bytes as JSON` },
    read(value, path, problems) {
      if (!isRecord(value)) return problem(problems, path, `must be an object, not ${shown(value)}`)
      const bytes = Buffer.byteLength(JSON.stringify(value), 'utf8')
      return bytes <= bytesMax
        ? value
        : problem(problems, path, `must be at most ${bytesMax} bytes as JSON, not ${bytes}`)
    },
  }
}
