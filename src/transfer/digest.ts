// Canonical JSON (keys sorted as RFC 8785 has it, lists in their order) and SHA-256.
import { hash } from 'node:crypto'

/** JSON text of `value` that depends on its content only. Absent (`undefined`) members are left out. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${value.map(canonicalJson).join(',')}]`
  const record = value as Readonly<Record<string, unknown>>
  let text = ''
  for (const key of sortedKeys(record)) {
    const member = record[key]
    if (member === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`
  }
  return `{${text}}`
}

/** Keys in canonical order. Most come in order already, and a sort allocates even where it changes nothing. */
export function sortedKeys(record: object): readonly string[] {
  const keys = Object.keys(record)
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return keys.sort()
  return keys
}

/** SHA-256 in hex. Strings are taken as UTF-8. */
export function sha256Hex(content: string | Uint8Array): string {
  return hash('sha256', content, 'hex')
}
