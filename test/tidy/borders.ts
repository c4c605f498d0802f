// The rules about who may import whom, and which package has which owner.
import { importsOf, type Source } from './source.ts'

/** Area of src/ to the areas that it may import besides itself. The order is from the bottom up. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  root: [],
  transfer: [],
  clock: [],
  retry: ['clock'],
  telemetry: ['transfer', 'retry', 'clock', 'root'],
  redis: ['transfer', 'locks', 'retry', 'telemetry', 'clock', 'root'],
  locks: ['transfer', 'retry', 'clock', 'telemetry', 'journal', 'ledger'],
  journal: ['transfer', 'retry', 'clock', 'telemetry', 'locks', 'ledger'],
  ledger: ['transfer', 'retry', 'clock', 'telemetry', 'locks', 'journal'],
  broker: ['retry', 'clock', 'telemetry'],
  'locks/redis': ['redis', 'locks', 'journal', 'ledger', 'transfer', 'retry', 'clock', 'telemetry'],
  'journal/redis': ['redis', 'journal', 'locks', 'ledger', 'transfer', 'retry', 'clock', 'telemetry'],
  'ledger/redis': ['redis', 'ledger', 'locks', 'journal', 'transfer', 'retry', 'clock', 'telemetry'],
  'ledger/placement': ['ledger', 'locks', 'journal', 'transfer', 'retry', 'clock', 'telemetry'],
  'broker/rabbit': ['broker', 'retry', 'clock', 'telemetry'],
  'dead-letters': ['transfer', 'broker', 'journal', 'ledger', 'locks', 'retry', 'clock', 'telemetry'],
  'dead-letters/redis': ['dead-letters', 'redis', 'root', 'transfer', 'retry', 'clock', 'telemetry'],
  flow: ['transfer', 'retry', 'clock', 'telemetry', 'ledger', 'locks', 'journal', 'broker'],
  worker: ['flow', 'transfer', 'retry', 'clock', 'telemetry', 'ledger', 'locks', 'journal', 'broker', 'dead-letters'],
  config: ['root', 'broker', 'transfer', 'retry', 'clock', 'telemetry'],
  index: ['transfer', 'broker'],
  wire: ['*'],
  cli: [
    'wire',
    'worker',
    'demo',
    'console',
    'config',
    'root',
    'dead-letters',
    'flow',
    'ledger',
    'locks',
    'journal',
    'broker',
    'transfer',
    'retry',
    'clock',
    'telemetry',
  ],
  console: [
    'wire',
    'config',
    'root',
    'dead-letters',
    'ledger',
    'locks',
    'journal',
    'broker',
    'transfer',
    'retry',
    'clock',
    'telemetry',
  ],
  demo: [
    'wire',
    'worker',
    'config',
    'root',
    'dead-letters',
    'ledger',
    'locks',
    'journal',
    'broker',
    'transfer',
    'retry',
    'clock',
    'telemetry',
  ],
  main: ['cli', 'config', 'wire', 'worker', 'clock', 'telemetry'],
}

/** Package to the only place in src/ that may name it; two where two services are asked over HTTP. */
export const OWNERS: Readonly<Record<string, string | readonly string[]>> = {
  amqplib: 'src/broker/rabbit/',
  ioredis: 'src/redis/',
  undici: ['src/ledger/placement/', 'src/broker/rabbit/'],
  convict: 'src/config.ts',
  commander: 'src/cli/',
  pino: 'src/telemetry/log.ts',
  'prom-client': 'src/telemetry/',
}

/** What of Node's own modules an area may use; an area that is not listed may use all. */
export const NODE_MODULES: Readonly<Record<string, readonly string[]>> = {
  transfer: ['node:crypto', 'node:buffer'],
  clock: ['node:crypto'],
  retry: [],
  locks: [],
  journal: [],
  ledger: [],
  broker: [],
  flow: [],
  worker: ['node:events'],
  'dead-letters': [],
}

/** `src/ledger/redis/x.ts` is of `ledger/redis`, `src/wire.ts` and `src/wire/x.ts` are of `wire`. */
export function areaOf(path: string): string {
  if (path === 'src/config/root.ts') return 'root'
  const parts = path
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
    .split('/')
  const adapter = parts.slice(0, 2).join('/')
  return parts.length > 2 && adapter in MAY_IMPORT ? adapter : parts[0]!
}

export function borderFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap((file) => {
      const area = areaOf(file.path)
      const allowed = MAY_IMPORT[area]
      if (allowed === undefined) return [`${file.path}: the area '${area}' is not in the table of borders.ts`]
      return importsOf(file).flatMap(({ line, specifier, path }) => {
        const at = `${file.path}:${line}`
        if (path !== null) {
          const target = areaOf(path)
          const free = target === area || allowed.includes(target) || allowed.includes('*')
          return free ? [] : [`${at}: ${area} may not import ${target} (${specifier})`]
        }
        return packageFault(at, area, file.path, specifier)
      })
    })
}

function packageFault(at: string, area: string, path: string, specifier: string): string[] {
  if (specifier.startsWith('node:')) {
    const modules = NODE_MODULES[area]
    return modules === undefined || modules.includes(specifier) ? [] : [`${at}: ${area} may not use ${specifier}`]
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const owners = [OWNERS[name] ?? []].flat()
  if (owners.length === 0) return [`${at}: the package ${name} has no owner in the table of borders.ts`]
  return owners.some((owner) => path.startsWith(owner))
    ? []
    : [`${at}: ${name} may be named only in ${owners.join(', ')}`]
}

/** Where the keys of Redis are named: their types, lives and slot are to be seen together. */
const KEYS = 'src/redis/keys.ts'

/** Lines of src/ outside `KEYS` that make a key of a namespace. */
export function keyFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.startsWith('src/') && path !== KEYS)
    .flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, index) =>
          /`\{\$\{[^}]*\}\}:/.test(line) ? [`${path}:${index + 1}: keys belong in ${KEYS}`] : [],
        ),
    )
}

/** Files of src/ that no entry reaches, and files of test/support that no test reaches. */
export function deadFiles(sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((file) => [file.path, file]))
  const reached = (entries: readonly string[]): Set<string> => {
    const seen = new Set<string>()
    const queue = [...entries]
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      const file = byPath.get(path)
      if (file === undefined || seen.has(path)) continue
      seen.add(path)
      queue.push(...importsOf(file).flatMap((found) => found.path ?? []))
    }
    return seen
  }
  const product = reached(['src/main.ts', 'src/index.ts'])
  const paths = sources.map(({ path }) => path)
  const tested = reached(
    paths.filter((path) => !path.startsWith('src/') && (!path.startsWith('test/') || isTestEntry(path))),
  )
  return [
    ...paths
      .filter((path) => path.startsWith('src/') && !product.has(path))
      .map((path) => `${path}: neither src/main.ts nor src/index.ts leads here`),
    ...paths
      .filter((path) => path.startsWith('test/') && !tested.has(path))
      .map((path) => `${path}: no test leads here`),
  ]
}

/** Tests, and the modules and programs that a command names instead of an import. */
function isTestEntry(path: string): boolean {
  return (
    path.endsWith('.test.ts') ||
    /^test\/(?:support\/(?:reporter|global-setup|failpoints)|simulation\/simulate|mutants\/run|soak\/soak)\.ts$/.test(
      path,
    )
  )
}

/** Rings of imports, each told once, from its first file in the alphabet. Imports of types alone make no ring. */
export function importRings(sources: readonly Source[]): string[] {
  const edges = new Map(sources.map((file) => [file.path, valueImportsOf(file)]))
  const rings = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      const ring = trail.slice(start)
      const first = ring.indexOf(ring.toSorted()[0]!)
      rings.add([...ring.slice(first), ...ring.slice(0, first)].join(' -> '))
      return
    }
    if (done.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  const done = new Set<string>()
  for (const path of edges.keys()) visit(path, [])
  return [...rings]
}

function valueImportsOf(file: Source): string[] {
  const typeOnly = new Set(
    [...file.text.matchAll(/^(?:import|export) type [^'"]*from '([^']+)'/gm)].map((match) => match[1]),
  )
  return importsOf(file).flatMap(({ path, specifier }) => (path === null || typeOnly.has(specifier) ? [] : [path]))
}
