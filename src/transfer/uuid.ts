// Uuids: recognised in any case, kept lower-case, and derived (version 5) where Ferryman needs one of its own.
import { createHash } from 'node:crypto'
import { NAMESPACE_UUID } from './request.ts'

/** Source of the one pattern: hyphens required, any case. */
export const UUID_PATTERN = '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'

const UUID = new RegExp(UUID_PATTERN)
const NAMESPACE = Buffer.from(NAMESPACE_UUID.replaceAll('-', ''), 'hex')

/** Whether `value` is a uuid with hyphens, in any case. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && value.length === 36 && UUID.test(value)
}

/** The lower-case form of `value`, or null when it is no uuid. */
export function canonicalUuid(value: unknown): string | null {
  return isUuid(value) ? value.toLowerCase() : null
}

/** Uuid version 5 of `name` in Ferryman's namespace. */
export function uuidV5(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name, 'utf8').digest()
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
