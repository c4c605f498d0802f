// The project's own text, as the tidy rules read it: files, their code without strings and comments, their imports.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface Source {
  /** From the project's root, with `/`. */
  readonly path: string
  readonly text: string
  /** The text with the insides of strings, comments and regular expressions blanked; every offset is the same. */
  readonly code: string
}

/** Every file below `folders` whose name ends in one of `endings`. */
export function sourcesIn(root: string, folders: readonly string[], endings: readonly string[]): Source[] {
  return folders.flatMap((folder) =>
    namesIn(join(root, folder))
      .filter((name) => endings.some((ending) => name.endsWith(ending)))
      .map((name) => source(`${folder}/${name}`, readFileSync(join(root, folder, name), 'utf8'))),
  )
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw failure
  }
}

export function source(path: string, text: string): Source {
  return { path, text, code: /\.m?[tj]s$/.test(path) ? blanked(text) : text }
}

export interface Import {
  readonly line: number
  /** As written: `./x.ts`, `node:fs`, `pino`. */
  readonly specifier: string
  /** For a relative one, the path from the project's root; else null. */
  readonly path: string | null
}

/** What a file imports or re-exports, also by `import()`. */
export function importsOf({ path, text, code }: Source): Import[] {
  const found: Import[] = []
  for (const match of text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)(['"])([^'"\n]+)\1/g)) {
    const keyword = code.slice(match.index, match.index + 4)
    if (!/^(?:from|impo)$/.test(keyword)) continue
    const specifier = match[2]!
    found.push({
      line: lineAt(text, match.index),
      specifier,
      path: specifier.startsWith('.') ? resolved(path, specifier) : null,
    })
  }
  return found
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

function resolved(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

/** A token that hides what stands in it, or a bracket that matters inside a template. */
const TOKEN = /\/\/[^\n]*|\/\*[^]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|[`{}/]/y
const EXPRESSION_FOLLOWS =
  /(?:^|[=(,:;!&|?{}[\]+\-*%<>~^]|\b(?:return|case|typeof|in|of|await|throw|default|else|yield))\s*$/
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y

function blanked(text: string): string {
  let code = ''
  /** For each template we are in: how many braces are open in its current `${}`. */
  const templates: number[] = []
  let at = 0
  const hide = (length: number): void => {
    code += text.slice(at, at + length).replace(/[^\n]/g, ' ')
    at += length
  }
  const show = (length: number): void => {
    code += text.slice(at, at + length)
    at += length
  }
  /** From inside a template to its end or to its next `${`. */
  const template = (): void => {
    const rest = /(?:\\[^]|\$(?!\{)|[^`\\$])*/y
    rest.lastIndex = at
    hide(rest.exec(text)?.[0].length ?? 0)
    if (text[at] === '$') {
      hide(2)
      templates.push(0)
    } else if (at < text.length) show(1)
  }
  while (at < text.length) {
    TOKEN.lastIndex = at
    const token = TOKEN.exec(text)?.[0]
    if (token === undefined) {
      show(1)
      continue
    }
    if (token === '`') {
      show(1)
      template()
      continue
    }
    const open = templates.at(-1)
    if (token === '{' && open !== undefined) templates[templates.length - 1] = open + 1
    if (token === '}' && open !== undefined && open > 0) templates[templates.length - 1] = open - 1
    if (token === '}' && open === 0) {
      templates.pop()
      hide(1)
      template()
      continue
    }
    if (token === '{' || token === '}') {
      show(1)
      continue
    }
    if (token !== '/') {
      const quote = token[0] === "'" || token[0] === '"'
      if (!quote) {
        hide(token.length)
        continue
      }
      show(1)
      hide(token.length - 2)
      show(1)
      continue
    }
    REGEX.lastIndex = at
    const regex = EXPRESSION_FOLLOWS.test(code.slice(-40)) ? REGEX.exec(text)?.[0] : undefined
    if (regex === undefined) show(1)
    else hide(regex.length)
  }
  return code
}
