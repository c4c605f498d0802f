// The rules about the form of a file: header, sizes, names, and words that have one place or none.
import { lineAt, type Source } from './source.ts'

export const LINES_MAX = 400
export const FUNCTION_LINES_MAX = 70
export const COLUMNS_MAX = 120

const BANNED_NAMES = [
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'misc',
  'types',
  'interfaces',
  'manager',
  'service',
  'handler',
  'data',
  'info',
]

/** The first line says what the file is, in one sentence. */
export function headerFaults(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.split('\n')
    const first = lines[0]!.startsWith('#!') ? (lines[1] ?? '') : lines[0]!
    const comment = path.endsWith('.lua') ? '-- ' : '// '
    if (first.startsWith(comment) && /^\S.{10,}[.:]$/.test(first.slice(comment.length))) return []
    return [`${path}:1: the first line is not a sentence '${comment}…' that says what this file is`]
  })
}

export function sizeFaults(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n')
    const long = lines.flatMap((line, index) =>
      line.length > COLUMNS_MAX ? [`${path}:${index + 1}: ${line.length} columns, ${COLUMNS_MAX} are the most`] : [],
    )
    return lines.length > LINES_MAX ? [`${path}: ${lines.length} lines, ${LINES_MAX} are the most`, ...long] : long
  })
}

/** Functions and methods, from signature to closing brace; what is passed to `describe` is none. */
export function functionFaults(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, code }) => {
    const faults: string[] = []
    const open: { line: number; counts: boolean }[] = []
    for (const match of code.matchAll(/[{}]/g)) {
      if (match[0] === '{') {
        const { head, line } = headBefore(code, match.index)
        open.push({ line, counts: beginsFunction(head) && !/\bdescribe\s*\(/.test(head) })
        continue
      }
      const block = open.pop()
      const lines = block === undefined ? 0 : lineAt(code, match.index) - block.line + 1
      if (block?.counts && lines > FUNCTION_LINES_MAX) {
        faults.push(`${path}:${block.line}: a function of ${lines} lines, ${FUNCTION_LINES_MAX} are the most`)
      }
    }
    return faults
  })
}

/** The text before a brace, back to the start of the line on which its round brackets are balanced. */
function headBefore(code: string, brace: number): { head: string; line: number } {
  let start = brace
  let head = ''
  do {
    start = code.lastIndexOf('\n', start - 1)
    head = code.slice(start + 1, brace)
  } while (start > 0 && head.split(')').length > head.split('(').length)
  return { head, line: lineAt(code, start + 1) }
}

const CONTROL = /^(?:\}\s*)?(?:if|else|for|while|do|switch|try|catch|finally|class|interface|type|with)\b/
const METHOD = /^(?:(?:async|static|override|get|set)\s+)*\*?\s*[#\w$]+\s*(?:<[^()]*>)?\([^]*\)\s*(?::[^=]*)?$/

function beginsFunction(head: string): boolean {
  const trimmed = lastStatement(head).trim()
  if (/=>$/.test(trimmed) || /\bfunction\b/.test(trimmed)) return true
  return !CONTROL.test(trimmed) && METHOD.test(trimmed)
}

/** What stands after the last brace or semicolon outside round brackets. */
function lastStatement(head: string): string {
  let depth = 0
  let start = 0
  for (const match of head.matchAll(/[(){};]/g)) {
    if (match[0] === '(') depth++
    else if (match[0] === ')') depth--
    else if (depth === 0) start = match.index + 1
  }
  return head.slice(start)
}

/** Kebab-case, and no name that says nothing. */
export function nameFaults(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path }) =>
    namesOf(path).flatMap((name) => {
      const stem = name.replace(/(?:\.test)?\.\w+$/, '')
      const banned = stem.split('-').find((word) => BANNED_NAMES.includes(word))
      if (banned !== undefined) return [`${path}: '${banned}' says nothing; name the thing it holds`]
      return /^[a-z0-9]+(?:[-.][a-z0-9]+)*$/.test(stem) ? [] : [`${path}: '${name}' is not kebab-case`]
    }),
  )
}

/** Folders count too, but for those of test/, whose names are kinds of tests. */
function namesOf(path: string): string[] {
  const names = path.split('/')
  return path.startsWith('test/') ? names.slice(-1) : names
}

interface Place {
  readonly word: RegExp
  /** Beginnings of the paths where the word may stand; `[]`: nowhere. */
  readonly only: readonly string[]
  readonly because: string
}

const PLACES: readonly Place[] = [
  {
    word: /\b(?:Date|performance)\.now\b|\bnew Date\(\s*\)|\bprocess\.hrtime\b/,
    only: ['src/clock/system-clock.ts'],
    because: 'time comes from the Clock port',
  },
  {
    word: /\bset(?:Timeout|Interval|Immediate)\b|\bAbortSignal\.timeout\b/,
    only: ['src/clock/system-clock.ts', 'src/clock/gather.ts'],
    because: 'timers come from the Clock port',
  },
  {
    word: /\bMath\.random\b|\brandom(?:UUID|Bytes|Int)\b|\bgetRandomValues\b/,
    only: ['src/clock/system-clock.ts'],
    because: 'chance comes from the Clock port',
  },
  {
    word: /\bprocess\.env\b/,
    only: ['src/config.ts', 'src/main.ts', 'src/demo/'],
    because: 'the environment is read once, as settings; the demo only hands it on to what it starts',
  },
  {
    word: /\bconsole\./,
    only: ['src/main.ts', 'src/cli/', 'src/demo/'],
    because: 'what happens is told as events; only commands print',
  },
  { word: /(?<![.\w])any(?!\w|\s*[(:,])/, only: [], because: 'a type that is not known is unknown' },
  { word: /@ts-(?:ignore|nocheck)/, only: [], because: 'the compiler is right until shown otherwise' },
]

/** Words that stand outside their place. */
export function wordFaults(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, code }) =>
    code
      .split('\n')
      .flatMap((line, index) =>
        PLACES.filter(({ word, only }) => word.test(line) && !only.some((place) => path.startsWith(place))).map(
          ({ word, because }) => `${path}:${index + 1}: '${word.exec(line)![0]}': ${because}`,
        ),
      ),
  )
}

/** No test is singled out or left out. */
export function exclusiveFaults(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, code }) =>
    code.split('\n').flatMap((line, index) => {
      const found = /\b(?:it|describe|context)\.(?:only|skip)\b|\bx(?:it|describe)\s*\(|\bthis\.skip\s*\(/.exec(line)
      return found === null ? [] : [`${path}:${index + 1}: '${found[0]}' leaves tests out`]
    }),
  )
}

const UNFINISHED = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`)

/** Nothing is left for later, in words or in code. */
export function unfinishedFaults(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const found = UNFINISHED.exec(line)
      return found === null ? [] : [`${path}:${index + 1}: '${found[0]}': do it, or open an issue`]
    }),
  )
}
