// Where the package lies on disk, and its version: for the files that are not compiled (config/, lua/, docs/).
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

interface Package {
  readonly name?: string
  readonly version?: string
}

const found = find(import.meta.dirname)

/** The folder of the package: the first one upwards whose package.json is Ferryman's. */
export function packageRoot(): string {
  return found.folder
}

/** Version of the package, as package.json says it. */
export function packageVersion(): string {
  return found.version
}

function find(start: string): { folder: string; version: string } {
  for (let folder = start; ; folder = dirname(folder)) {
    const manifest = read(join(folder, 'package.json'))
    if (manifest?.name === 'ferryman') return { folder, version: manifest.version ?? '0.0.0' }
    if (dirname(folder) === folder) throw new Error(`no package.json named ferryman above ${start}`)
  }
}

function read(file: string): Package | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Package
  } catch {
    return null
  }
}
