// Starts the shared servers that the selected files need before the first test: a start may outlast a test.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Runner, Suite } from 'mocha'
import { sharedRabbit, sharedRedis } from './servers.ts'

export async function mochaGlobalSetup(this: Runner): Promise<void> {
  const text = [...textsBehind(filesOf(this.suite))].join('\n')
  await Promise.all([
    /\bsharedRedis\(|FERRYMAN_TEST_REDIS_URL/.test(text) && sharedRedis(),
    /\b(?:sharedRabbit|freshVhost)\(|FERRYMAN_TEST_RABBITMQ/.test(text) && sharedRabbit(),
  ])
}

function filesOf(suite: Suite): string[] {
  const below = suite.suites.flatMap(filesOf)
  return suite.file === undefined ? below : [suite.file, ...below]
}

/** The text of these files and of what they import from test/, but for the module that defines the servers. */
function* textsBehind(files: readonly string[]): Generator<string> {
  const seen = new Set([resolve(import.meta.dirname, 'servers.js')])
  const queue = [...files]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue
    seen.add(file)
    if (!existsSync(file)) continue // a sample of code in a test may import what is not there
    const text = readFileSync(file, 'utf8')
    yield text
    for (const [, path] of text.matchAll(/from '(\.[^']+)'/g)) {
      const imported = resolve(dirname(file), path!)
      if (!imported.includes('/src/')) queue.push(imported)
    }
  }
}
