// Another program as a process of its own: what it said, and how it ended.
import { spawn } from 'node:child_process'
import { packageEnvironment } from '../../src/demo/packages.ts'

export interface Run {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs it with no environment but PATH, HOME, what Debian's packages need, and `env`. Rejects when it cannot start. */
export function ran(
  program: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  onError: (text: string) => void = () => undefined,
): Promise<Run> {
  const { PATH, HOME } = process.env
  const child = spawn(program, words, {
    env: { PATH, HOME, ...packageEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString('utf8')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString('utf8')
    onError(said.err)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({ code, ...said })
    })
  })
}
