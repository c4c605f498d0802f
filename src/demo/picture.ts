// The picture of a run: hosts before and after, outcomes, dead letters, checks. Pure: numbers in, text out.
import { capacityOf } from '../transfer/capacity.ts'
import type { Class } from '../transfer/outcome.ts'
import type { Provider } from '../transfer/snapshot.ts'
import type { Check } from './judge.ts'
import type { Style } from './screen.ts'

export interface Tally {
  readonly code: string
  readonly class: Class
  readonly count: number
}

export interface LetterGroup extends Tally {
  /** The reason of one of them. */
  readonly example: string
}

/** ANSI numbers. */
const CLASS_COLOURS = { done: 32, invalid: 33, refused: 36, exhausted: 35, operator: 31 } as const
const CLASS_ORDER = Object.keys(CLASS_COLOURS) as readonly Class[]
const [BOLD, DIM, GREEN, YELLOW, RED] = [1, 2, 32, 33, 31]
/** From these shares on a host is nearly full, and full. */
const [NEARLY, FULL] = [0.75, 0.95]
const MB_TO_GB = 1 / 1_024

function paint(text: string, colour: number, { colour: wanted }: Style): string {
  return wanted ? `\u001b[${colour}m${text}\u001b[0m` : text
}

export function heading(text: string, style: Style): string {
  return `\n${paint(text, BOLD, style)}\n`
}

interface Gauge {
  readonly label: string
  readonly resourceClass: string
  readonly scale: number
}

const GAUGES: readonly Gauge[] = [
  { label: 'VCPU', resourceClass: 'VCPU', scale: 1 },
  { label: 'GB', resourceClass: 'MEMORY_MB', scale: MB_TO_GB },
]

/** Two lines a host, VCPU and memory: used of capacity before and after. `marks` says what is special, by name. */
export function hostsPicture(
  before: readonly Provider[],
  after: readonly Provider[],
  marks: Readonly<Record<string, string>>,
  style: Style,
): string {
  const [nameWidth, labelWidth, numberWidth, gap] = [6, 4, 8, 2]
  const fixed = nameWidth + labelWidth + 2 + 2 * (numberWidth + 1) + gap
  const barWidth = Math.floor((style.width - fixed) / 2)
  const columnWidth = barWidth + 1 + numberWidth
  const lines = [`${' '.repeat(nameWidth + labelWidth + 2)}${'before'.padEnd(columnWidth + gap)}after`]
  for (const host of [...before].sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const then = after.find(({ id }) => id === host.id) ?? host
    GAUGES.forEach(({ label, resourceClass, scale }, row) => {
      const columns = [host, then].map((provider) => {
        const inventory = provider.inventories[resourceClass]
        const capacity = inventory === undefined ? 0 : capacityOf(inventory)
        const used = provider.usages[resourceClass] ?? 0
        const numbers = `${Math.round(used * scale)}/${Math.round(capacity * scale)}`.padStart(numberWidth)
        return `${usageBar(used, capacity, barWidth, style)} ${numbers}`
      })
      const name = (row === 0 ? host.name : '').padEnd(nameWidth)
      lines.push(`${name} ${label.padEnd(labelWidth)} ${columns.join(' '.repeat(gap))}`)
    })
    const mark = marks[host.name]
    if (mark !== undefined) lines.push(paint(`${' '.repeat(nameWidth + 1)}${mark}`, DIM, style))
  }
  return `${lines.join('\n')}\n`
}

/** Full to the share that is used; never empty where something is used, never full where there is room. */
function usageBar(used: number, capacity: number, width: number, style: Style): string {
  const share = capacity === 0 ? 0 : used / capacity
  const [least, most] = [used > 0 ? 1 : 0, share < 1 ? width - 1 : width]
  const filled = Math.max(least, Math.min(most, Math.round(share * width)))
  const [full, empty] = style.blocks ? ['█', '·'] : ['#', '.']
  const colour = share >= FULL ? RED : share >= NEARLY ? YELLOW : GREEN
  return paint(full.repeat(filled), colour, style) + paint(empty.repeat(width - filled), DIM, style)
}

/** A bar a code, ordered by class, the most frequent first. */
export function outcomesPicture(tallies: readonly Tally[], style: Style): string {
  const most = Math.max(1, ...tallies.map(({ count }) => count))
  const [classWidth, codeWidth, countWidth] = [
    9,
    Math.max(4, ...tallies.map(({ code }) => code.length)),
    `${most}`.length,
  ]
  const barWidth = style.width - classWidth - codeWidth - countWidth - 5
  let last: Class | null = null
  return inOrder(tallies)
    .map((tally) => {
      const filled = Math.max(1, Math.round((barWidth * tally.count) / most))
      const word = tally.class === last ? '' : tally.class
      last = tally.class
      const bar = paint((style.blocks ? '█' : '#').repeat(filled), CLASS_COLOURS[tally.class], style)
      const count = `${tally.count}`.padStart(countWidth)
      return `${word.padEnd(classWidth)}  ${tally.code.padEnd(codeWidth)}  ${count} ${bar}\n`
    })
    .join('')
}

/** A group of dead letters a code: how many, and the reason of one of them. */
export function lettersPicture(groups: readonly LetterGroup[], style: Style): string {
  const countWidth = Math.max(1, ...groups.map(({ count }) => `${count}`.length))
  const indent = ' '.repeat(countWidth + 2)
  return inOrder(groups)
    .map(({ count, code, class: ofClass, example }) => {
      const head = `${`${count}`.padStart(countWidth)}  ${paint(code, CLASS_COLOURS[ofClass], style)}`
      return `${head}\n${wrapped(example, style.width - indent.length)
        .map((line) => `${indent}${line}\n`)
        .join('')}`
    })
    .join('')
}

export function checksPicture(checks: readonly Check[], style: Style): string {
  const nameWidth = Math.max(...checks.map(({ name }) => name.length))
  const indent = ' '.repeat(nameWidth + 8)
  return checks
    .map(({ name, holds, found }) => {
      const word = holds ? paint('ok  ', GREEN, style) : paint('FAIL', RED, style)
      const [first = '', ...rest] = wrapped(found, style.width - indent.length)
      return [`${word}  ${name.padEnd(nameWidth)}  ${first}`, ...rest.map((line) => indent + line)]
        .map((line) => `${line}\n`)
        .join('')
    })
    .join('')
}

const PROGRESS_WIDTH = 20

export function progressBar(share: number, blocks: boolean): string {
  const filled = Math.round(Math.max(0, Math.min(1, share)) * PROGRESS_WIDTH)
  return `[${(blocks ? '█' : '#').repeat(filled)}${(blocks ? '·' : '.').repeat(PROGRESS_WIDTH - filled)}]`
}

function inOrder<Entry extends Tally>(tallies: readonly Entry[]): readonly Entry[] {
  return [...tallies].sort(
    (one, other) =>
      CLASS_ORDER.indexOf(one.class) - CLASS_ORDER.indexOf(other.class) ||
      other.count - one.count ||
      (one.code < other.code ? -1 : 1),
  )
}

/** Words in lines of at most `width`; a word that is longer stands alone. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
