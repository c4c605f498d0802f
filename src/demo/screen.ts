// Where the demo speaks: steps and progress on standard error, the picture on standard output.
import type { WriteStream } from 'node:tty'
import type { Clock } from '../clock/clock.ts'
import { progressBar } from './picture.ts'

/** How a picture is drawn. */
export interface Style {
  readonly width: number
  readonly colour: boolean
  /** False: only ASCII. */
  readonly blocks: boolean
}

export interface Screen {
  /** A line of the story. */
  say(line: string): void
  /** How far it is: a bar drawn in place on a terminal, else a line now and then. `last` is always told. */
  progress(share: number, line: string, last?: true): void
  /** Text of the result. */
  print(text: string): void
  readonly style: Style
}

const WIDTH_MIN = 60
const WIDTH_MAX = 110
const WIDTH_PLAIN = 80
/** Where nothing can be drawn in place, a line so often is enough. */
const PLAIN_EVERY_MS = 1_000

export type Environment = Readonly<Record<string, string | undefined>>

export interface Writing {
  out(text: string): void
  err(text: string): void
  readonly env: Environment
}

export function screenOf(io: Writing, clock: Clock): Screen {
  const { stdout, stderr } = process
  const inPlace = stdout.isTTY && stderr.isTTY && io.env['TERM'] !== 'dumb'
  let pending = false
  let toldAtMs = -Infinity
  const clear = (): void => {
    if (pending) io.err('\r\u001b[K')
    pending = false
  }
  const style = styleOf(stdout.isTTY ? widthOf(stdout) : null, io.env)
  return {
    style,
    say: (line) => {
      clear()
      io.err(`${line}\n`)
    },
    print: (text) => {
      clear()
      io.out(text)
    },
    progress: (share, line, last) => {
      if (inPlace) {
        const drawn = `${progressBar(share, style.blocks)} ${line}`.slice(0, widthOf(stderr) - 1)
        io.err(`\r${drawn}\u001b[K${last === true ? '\n' : ''}`)
        pending = last !== true
      } else if (last === true || clock.monotonicMs() - toldAtMs >= PLAIN_EVERY_MS) {
        toldAtMs = clock.monotonicMs()
        io.err(`${line}\n`)
      }
    },
  }
}

/** `terminalWidth` null: it is no terminal. */
export function styleOf(terminalWidth: number | null, env: Environment): Style {
  const noColour = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => (value ?? '') !== '') ?? ''
  return {
    width: terminalWidth === null ? WIDTH_PLAIN : Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, terminalWidth)),
    colour: terminalWidth !== null && !noColour,
    blocks: /utf-?8/i.test(locale),
  }
}

/** Asked anew each time: a process in a group of its own is not told when the terminal changes its size. */
function widthOf(stream: WriteStream): number {
  const [columns] = stream.getWindowSize()
  return columns > 0 ? columns : WIDTH_PLAIN
}
