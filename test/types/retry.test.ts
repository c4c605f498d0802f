// What must not compile: repeating an effect that is not marked idempotent, and what the compiler says about it.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { projectRoot } from '../support/project-root.ts'

const run = promisify(execFile)

/** Compiles `lines` as a file of the project; returns what the compiler printed. */
async function compile(lines: readonly string[]): Promise<string> {
  const root = projectRoot()
  const folder = await mkdtemp(join(root, '.build-types-'))
  try {
    const source = relative(folder, join(root, 'src', 'retry'))
    const head = [
      `import { idempotent, once, type Effect, type Safety } from '${source}/effect.ts'`,
      `import { retryOnTimeout } from '${source}/retry-on-timeout.ts'`,
      'declare const policy: { attemptsMax: number; baseMs: number; capMs: number }',
      'declare const context: Parameters<typeof retryOnTimeout>[3]',
      'export const read = idempotent("a.read", "reading changes nothing", async (input: string) => input.length)',
      'export const charge = once("a.charge", "it adds", async (input: string) => input.length)',
      'export type Unused = [Effect<string, number, Safety>, typeof policy, typeof context]',
    ]
    await writeFile(join(folder, 'case.ts'), [...head, ...lines].join('\n'))
    const options = {
      extends: '../tsconfig.json',
      compilerOptions: { noEmit: true, rootDir: '..', types: ['node'] },
      include: ['case.ts'],
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(options))
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    expect(await readFile(compiler, 'utf8')).to.contain('#!')
    return await run(process.execPath, [compiler, '-p', folder]).then(
      ({ stdout }) => stdout,
      (failure: { stdout: string }) => failure.stdout,
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('the compiler', () => {
  it('accepts repeating what is marked idempotent', async () => {
    expect(await compile(['void retryOnTimeout(read, "x", policy, context)'])).to.equal('')
  })

  const REJECTED: readonly (readonly [string, string])[] = [
    ['an effect made by once()', 'void retryOnTimeout(charge, "x", policy, context)'],
    [
      'a mark widened to the union',
      'const wide: Effect<string, number, Safety> = read\nvoid retryOnTimeout(wide, "x", policy, context)',
    ],
    ['a bare function', 'void retryOnTimeout(async (input: string) => input.length, "x", policy, context)'],
    [
      'a forged object',
      'const forged = { name: "a", safety: "idempotent" as const, because: "", once: async (_: string) => 1 }\n' +
        'void retryOnTimeout(forged, "x", policy, context)',
    ],
    ['a wrong input', 'void retryOnTimeout(read, 5, policy, context)'],
  ]
  for (const [what, line] of REJECTED) {
    it(`refuses ${what}`, async () => {
      expect(await compile([line])).to.match(/case\.ts\(\d+,\d+\): error TS/)
    })
  }

  it('says in words why an effect made by once() is refused', async () => {
    const said = await compile(['void retryOnTimeout(charge, "x", policy, context)'])
    expect(said).to.contain(
      'retryOnTimeout takes only effects made with idempotent(); after a timeout read the state back instead',
    )
  })
})
