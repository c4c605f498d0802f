// Where the project stands, whatever folder its tests were compiled into.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The nearest folder above this file whose package.json is Ferryman's. */
export function projectRoot(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string }
      if (manifest.name === 'ferryman') return folder
    } catch {
      /* no package.json here: one folder up */
    }
  }
  throw new Error('no package.json of ferryman above this file')
}
