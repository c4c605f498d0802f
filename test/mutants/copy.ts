// A copy of the built project in which one guard at a time is taken away; the project itself is never touched.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Mutant } from './mutant.ts'

const AS_THEY_ARE = ['package.json', 'config', 'lua']
const BUILT = 'dist'

/** File of the copy that runs for a file of the project. */
export function builtFile(file: string): string {
  return file.endsWith('.ts') ? join(BUILT, file.replace(/\.ts$/, '.js')) : file
}

/** Times that `text` stands in `page`. */
export function countOf(text: string, page: string): number {
  return page.split(text).length - 1
}

export class Copy {
  readonly folder = mkdtempSync(join(tmpdir(), 'ferryman-mutants-'))

  /** `root`: the project; `built`: what it was compiled into. */
  constructor(root: string, built: string) {
    for (const name of AS_THEY_ARE) cpSync(join(root, name), join(this.folder, name), { recursive: true })
    for (const name of ['src', 'test']) {
      cpSync(join(built, name), join(this.folder, BUILT, name), {
        recursive: true,
        filter: (path) => !/\.(?:map|d\.ts)$/.test(path),
      })
    }
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'))
  }

  /** Takes the guard away; what is returned puts it back. Throws where its text does not stand there exactly once. */
  take({ name, file, text, instead }: Mutant): () => void {
    const path = join(this.folder, builtFile(file))
    const whole = readFileSync(path, 'utf8')
    const found = countOf(text, whole)
    if (found !== 1) throw new Error(`${name}: ${builtFile(file)} has its text ${found} times instead of once`)
    writeFileSync(
      path,
      whole.replace(text, () => instead),
    )
    return () => writeFileSync(path, whole)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
