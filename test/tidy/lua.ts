// The rules for Lua scripts: a header names every key, argument and reply, and nothing that is not used.
import type { Source } from './source.ts'

const DECLARED = /^-- (KEYS|ARGV)\[(\d+)(\.\.)?\] +(\w+)/gm

/** `sources`: lua/*.lua and lua/lib/*.lua. */
export function luaFaults(sources: readonly Source[]): string[] {
  const library = new Map(
    sources.filter(({ path }) => path.startsWith('lua/lib/')).map((file) => [stemOf(file.path), file]),
  )
  const scripts = sources.filter(({ path }) => !path.startsWith('lua/lib/'))
  const keyNames = new Set(
    scripts.flatMap(({ text }) =>
      declared(text)
        .filter(({ table }) => table === 'KEYS')
        .map(({ name }) => name),
    ),
  )
  const used = new Set<string>()
  const faults = sources.flatMap((file) =>
    usesOf(file.text)
      .filter((part) => !library.has(part))
      .map((part) => `${file.path}: uses ${part}, but lua/lib/${part}.lua is missing`),
  )
  for (const script of scripts) {
    const parts = partsOf(script, library)
    for (const part of parts) used.add(stemOf(part.path))
    faults.push(...headerFaultsOf(script, parts, keyNames))
  }
  for (const name of library.keys()) if (!used.has(name)) faults.push(`lua/lib/${name}.lua: no script uses it`)
  return faults
}

function headerFaultsOf(script: Source, parts: readonly Source[], keyNames: ReadonlySet<string>): string[] {
  const faults: string[] = []
  const names = declared(script.text)
  const code = reachableCode(codeOf(script.text), parts.map(({ text }) => codeOf(text)).join('\n'))
  for (const table of ['KEYS', 'ARGV'] as const) {
    const numbers = names.filter((entry) => entry.table === table).map(({ number }) => number)
    if (numbers.some((number, index) => number !== index + 1)) {
      faults.push(`${script.path}: its header numbers ${table} as ${numbers.join(', ')}, not one by one from 1`)
    }
    for (const [, number] of code.matchAll(new RegExp(`\\b${table}\\[(\\d+)\\]`, 'g'))) {
      if (!numbers.includes(Number(number)))
        faults.push(`${script.path}: uses ${table}[${number}], which its header does not name`)
    }
  }
  for (const { table, number, name, open } of names) {
    const mentioned =
      new RegExp(`\\b${name}\\b|\\b${table}\\[${number}\\]`).test(code) || (open && code.includes(`#${table}`))
    if (!mentioned) faults.push(`${script.path}: its header names ${table}[${number}] ${name}, which nothing uses`)
  }
  for (const name of keyNames) {
    const known = names.some((entry) => entry.name === name)
    if (!known && new RegExp(`(?<![.\\w])${name}\\b`).test(code))
      faults.push(`${script.path}: uses ${name}, which its header does not name`)
  }
  if (!/^-- Replies: \S/m.test(script.text))
    faults.push(`${script.path}: its header does not say what it replies ('-- Replies: …')`)
  return faults
}

/** Scripts that no source file names by their stem in quotes. */
export function deadScripts(scripts: readonly Source[], sources: readonly Source[]): string[] {
  const text = sources.map((file) => file.text).join('\n')
  return scripts
    .filter(({ path }) => !path.startsWith('lua/lib/') && !text.includes(`'${stemOf(path)}'`))
    .map(({ path }) => `${path}: nothing in src/ runs it`)
}

interface Declared {
  readonly table: string
  readonly number: number
  readonly name: string
  /** It stands for this place and all that follow. */
  readonly open: boolean
}

function declared(text: string): Declared[] {
  return [...text.matchAll(DECLARED)].map(([, table, number, dots, name]) => ({
    table: table!,
    number: Number(number),
    name: name!,
    open: dots !== undefined,
  }))
}

/** The script, and of its parts what stands outside functions and the functions that are reached. */
function reachableCode(script: string, parts: string): string {
  const functions = new Map<string, string>()
  const outside = parts.replace(/^local function (\w+)(?:.* end|[^]*?^end)$/gm, (text, name: string) => {
    functions.set(name, text)
    return ''
  })
  let code = `${script}\n${outside}`
  for (let found = true; found; ) {
    found = false
    for (const [name, text] of functions) {
      if (!new RegExp(`\\b${name}\\b`).test(code)) continue
      code += `\n${text}`
      functions.delete(name)
      found = true
    }
  }
  return code
}

function usesOf(text: string): string[] {
  return /^-- uses: (.*)$/m.exec(text)?.[1]!.trim().split(/\s+/) ?? []
}

function partsOf(script: Source, library: ReadonlyMap<string, Source>): Source[] {
  const found = new Map<string, Source>()
  const add = (names: readonly string[]): void => {
    for (const name of names) {
      const part = library.get(name)
      if (part === undefined || found.has(name)) continue
      found.set(name, part)
      add(usesOf(part.text))
    }
  }
  add(usesOf(script.text))
  return [...found.values()]
}

/** Without comments and strings. */
function codeOf(text: string): string {
  return text.replace(/'(?:\\.|[^'\\\n])*'|--[^\n]*/g, '')
}

function stemOf(path: string): string {
  return path.replace(/^.*\//, '').replace(/\.lua$/, '')
}
