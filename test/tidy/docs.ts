// The rules about documents: where links lead, which tests are quoted, which commands are shown.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export interface Document {
  /** From the project's root. */
  readonly path: string
  readonly text: string
}

/** Every Markdown file of the project. */
export function documentsIn(root: string): Document[] {
  const top = readdirSync(root).filter((name) => name.endsWith('.md'))
  const below = ['docs', 'examples'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  )
  return [...top, ...below].toSorted().map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

interface Link {
  readonly words: string
  /** From the project's root; the page itself for a link within it. */
  readonly target: string
  readonly heading: string | null
  readonly written: string
}

function linksOf({ path, text }: Document): Link[] {
  const prose = text.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*\[[^`\n]*`/g, '')
  return [...prose.matchAll(/\[((?:`[^`]*`|[^\]`])*)\]\(([^)\s]+)\)/g)]
    .filter(([, , written]) => !/^[a-z]+:/.test(written!))
    .map(([, words, written]) => {
      const [file, heading = null] = written!.split('#') as [string, string?]
      return {
        words: words!,
        written: written!,
        heading,
        target: file === '' ? path : normalize(join(dirname(path), file)),
      }
    })
}

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const prose = text.replace(/^```[^]*?^```$/gm, '')
  return new Set(
    [...prose.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** Relative links to what does not exist. */
export function linkFaults(documents: readonly Document[], root: string): string[] {
  return documents.flatMap((page) =>
    linksOf(page).flatMap(({ target, heading, written }) => {
      const own = target === page.path
      if (!own && !existsSync(join(root, target))) return [`${page.path}: ${written} does not exist`]
      if (heading === null || !target.endsWith('.md')) return []
      const text = own ? page.text : readFileSync(join(root, target), 'utf8')
      return anchorsOf(text).has(heading) ? [] : [`${page.path}: #${heading} is no heading of ${target}`]
    }),
  )
}

/** Links to tests whose words, in quotes, the test does not say. */
export function proofFaults(documents: readonly Document[], root: string): string[] {
  return documents.flatMap((page) =>
    linksOf(page).flatMap(({ words, target }) => {
      const file = join(root, target)
      const quoted = /^"(.*)"$/.exec(words)?.[1]
      if (quoted === undefined || !target.startsWith('test/') || !existsSync(file) || statSync(file).isDirectory())
        return []
      return readFileSync(file, 'utf8').includes(quoted) ? [] : [`${page.path}: ${target} does not say "${quoted}"`]
    }),
  )
}

/** Commands, options and scripts in shell blocks and in code within prose. `helps`: help by the words of a command. */
export function commandFaults(
  documents: readonly Document[],
  helps: ReadonlyMap<string, string>,
  scripts: readonly string[],
): string[] {
  return documents.flatMap(({ path, text }) => {
    const blocks = [...text.matchAll(/^```(?:sh|console)\n([^]*?)^```$/gm)].map(([, block]) =>
      block!.replaceAll('\\\n', ' '),
    )
    const inline = [...text.replace(/^```[^]*?^```$/gm, '').matchAll(/`((?:ferryman|npm run) [^`\n]+)`/g)].map(
      (match) => match[1]!,
    )
    return [...blocks, ...inline].flatMap((block) =>
      block.split('\n').flatMap((line) => lineFaults(path, line, helps, scripts)),
    )
  })
}

function lineFaults(
  path: string,
  line: string,
  helps: ReadonlyMap<string, string>,
  scripts: readonly string[],
): string[] {
  const faults: string[] = []
  for (const part of line
    .replace(/^\$ /, '')
    .replace(/\s#.*$/, '')
    .split('&&')) {
    const words = part
      .trim()
      .split(/\s+/)
      .filter((word) => !/^[A-Z_]+=/.test(word))
    const script = words[0] === 'npm' && words[1] === 'run' ? words[2] : undefined
    if (script !== undefined && !scripts.includes(script)) faults.push(`${path}: package.json has no script ${script}`)
    const given =
      words[0] === 'ferryman'
        ? words.slice(1)
        : words.slice(0, 2).join(' ') === 'node dist/src/main.js'
          ? words.slice(2)
          : null
    if (given !== null) faults.push(...wordFaults(path, given, helps))
  }
  return faults
}

function wordFaults(path: string, given: readonly string[], helps: ReadonlyMap<string, string>): string[] {
  const name: string[] = []
  for (const word of given) {
    if (!helps.has([...name, word].join(' '))) break
    name.push(word)
  }
  const command = name.join(' ')
  const next = given[name.length]
  const isGroup = [...helps.keys()].some((other) => other.startsWith(`${command} `)) && command !== 'request'
  if (next !== undefined && (isGroup || command === '') && !next.startsWith('-')) {
    return [`${path}: there is no command ferryman ${[...name, next].join(' ')}`]
  }
  const known = `${helps.get(command) ?? ''} --help --version --set `
  return given
    .filter((word) => word.startsWith('--') && !known.includes(`${word.split('=')[0]!} `))
    .map((word) => `${path}: ferryman ${command} has no ${word}`)
}

/** Names that exist, by what they look like in code within prose. */
export interface Known {
  readonly settings: readonly string[]
  readonly variables: readonly string[]
  readonly metrics: readonly string[]
  readonly effects: readonly string[]
}

/** Settings, variables and metrics that prose names and nothing has. */
export function nameFaults(documents: readonly Document[], known: Known): string[] {
  const groups = new Set(known.settings.filter((key) => key.includes('.')).map((key) => key.split('.')[0]!))
  const isWrong = (word: string): boolean => {
    if (/^FERRYMAN_[A-Z_]+$/.test(word)) return !known.variables.includes(word)
    const metric = /^(ferryman_[a-z_]+)(?:\{[^}]*\})?$/.exec(word)?.[1]
    if (metric !== undefined) return !known.metrics.includes(metric)
    const group = /^([a-z]+)\.[a-zA-Z_]+$/.exec(word)?.[1]
    return (
      group !== undefined &&
      groups.has(group) &&
      !/\.(?:json|md|mjs|pml|ts)$/.test(word) &&
      ![...known.settings, ...known.effects].includes(word)
    )
  }
  return documents.flatMap(({ path, text }) => {
    const words = [...text.replace(/^```[^]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!)
    return [...new Set(words)].filter(isWrong).map((word) => `${path}: there is no ${word}`)
  })
}

/** Help by command (the words behind `ferryman`), as the page of commands has it. */
export function helpsIn(page: string): Map<string, string> {
  return new Map(
    [...page.matchAll(/^## ferryman ?(.*)\n\n```text\n([^]*?)^```$/gm)].map(([, command, help]) => [command!, help!]),
  )
}

/** A heading's text up to the next one of its level. */
export function section(text: string, heading: string): string {
  const from = text.indexOf(`\n${heading}\n`)
  if (from < 0) throw new Error(`there is no ${heading}`)
  const level = heading.split(' ', 1)[0]!
  const to = text.indexOf(`\n${level} `, from + heading.length)
  return text.slice(from, to < 0 ? undefined : to)
}

/** What stands in code in the first column of a section's tables. */
export function firstColumn(text: string): string[] {
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!)
}

export function jsonBlocks(text: string): Record<string, unknown>[] {
  return [...text.matchAll(/^```json\n([^]*?)^```$/gm)].map((match) => JSON.parse(match[1]!) as Record<string, unknown>)
}
