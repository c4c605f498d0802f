// Everything a worker needs, tried one by one; each failure with the fix.
import { reasonOf } from '../telemetry/scrub.ts'
import type { Parts } from '../wire/parts.ts'
import { EXIT, exitOf, type ExitCode } from './exit.ts'
import { printLine, printTable, type Io } from './output.ts'

/** What one check found. `warn` does not stop a worker. */
export interface Finding {
  readonly result: 'ok' | 'warn' | 'fail'
  readonly found: string
  /** Empty when nothing is to be done. */
  readonly fix: string
}

/** Something tried. A rejection is a failure, mended by `fix`. */
export interface Check {
  readonly name: string
  /** Not tried when the check of this name failed. */
  readonly needs?: string
  readonly fix: string
  readonly run: () => Promise<readonly Finding[]>
}

interface Row extends Finding {
  readonly check: string
}

/** Runs the checks in order. 0 when none failed; 77 or 69 as the first that could not be asked; else 1. */
export async function doctor(io: Io, checks: readonly Check[], json: boolean): Promise<ExitCode> {
  const rows: Row[] = []
  let code: ExitCode = EXIT.ok
  for (const check of checks) {
    const skipped = check.needs !== undefined && rows.some((row) => row.check === check.needs && row.result === 'fail')
    let findings: readonly Finding[]
    try {
      findings = skipped
        ? [{ result: 'warn', found: `not tried, since ${check.needs} failed`, fix: '' }]
        : await check.run()
    } catch (failure) {
      findings = [{ result: 'fail', found: reasonOf(failure), fix: check.fix }]
      if (code === EXIT.ok) ({ code } = exitOf(failure))
    }
    const found = findings.map((finding) => ({ check: check.name, ...finding }))
    rows.push(...found)
    if (json) for (const row of found) printLine(io, row)
  }
  if (!json) {
    printTable(
      io,
      ['check', 'result', 'found', 'fix'],
      rows.map(({ check, result, found, fix }) => [check, result, found, fix]),
    )
  }
  return code === EXIT.ok && rows.some(({ result }) => result === 'fail') ? EXIT.no : code
}

const NODE_LEAST = [20, 19] as const
const SKEW_MS_MAX = 2_000

/** The checks, in the order in which a start meets them. */
export function checksOf(parts: Parts, nodeVersion: string): readonly Check[] {
  return [nodeCheck(nodeVersion), ...brokerChecks(parts), ...redisChecks(parts), ledgerCheck(parts)]
}

function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const enough = major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1])
  const fix = `Install Node ${NODE_LEAST.join('.')} or newer.`
  return { name: 'node', fix, run: async () => [enough ? ok(version) : { result: 'fail', found: version, fix }] }
}

function brokerChecks(parts: Parts): readonly Check[] {
  const { prefix, topology } = parts.config.rabbitmq
  return [
    {
      name: 'rabbitmq',
      fix: 'Start RabbitMQ, or correct FERRYMAN_RABBITMQ_URL.',
      run: async () => [ok(`connected, RabbitMQ ${(await parts.broker()).serverVersion ?? 'of unknown version'}`)],
    },
    {
      name: 'topology',
      needs: 'rabbitmq',
      fix: 'Run ferryman topology apply.',
      run: async () => {
        const { findings, notCompared } = await (await parts.broker()).verifyTopology()
        const unknown =
          notCompared.length === 0
            ? []
            : [
                {
                  result: 'warn',
                  found: `${notCompared.length} comparisons need the management API`,
                  fix: 'Set FERRYMAN_RABBITMQ_MANAGEMENT_URL.',
                } as const,
              ]
        if (topology === 'create' && findings.length > 0) {
          const objects = findings.map(({ object }) => object).join(', ')
          const fix = 'A worker mends what it can when it starts.'
          return [{ result: 'warn', found: `not as wanted: ${objects}`, fix }]
        }
        const differences = findings.map(
          ({ object, argument, wanted, found, fix }) =>
            ({ result: 'fail', found: `${object}: ${argument} is ${found}, not ${wanted}`, fix }) as const,
        )
        return differences.length + unknown.length === 0 ? [ok(`prefix ${prefix}`)] : [...differences, ...unknown]
      },
    },
  ]
}

function redisChecks(parts: Parts): readonly Check[] {
  const { namespace } = parts.config.redis
  return [
    {
      name: 'redis',
      fix: 'Start Redis, or correct FERRYMAN_REDIS_URL.',
      run: async () => {
        const { redis } = await parts.store()
        await redis.call('PING', [])
        return [ok(`answers at ${redis.where}`)]
      },
    },
    {
      name: 'redis write',
      needs: 'redis',
      fix: `Give its user all rights on keys that begin with {${namespace}}:`,
      run: async () => {
        await (await parts.store()).probe()
        return [ok(`namespace ${namespace}`)]
      },
    },
    {
      name: 'redis server',
      needs: 'redis',
      fix: 'Let its user run INFO and CONFIG GET.',
      run: async () => {
        const found = await (await parts.store()).checkServer()
        if (found.length === 0) return [ok('appendonly yes, appendfsync always, maxmemory-policy noeviction')]
        return found.map(({ what, fix, severity }) => ({
          result: severity === 'error' ? 'fail' : 'warn',
          found: what,
          fix,
        }))
      },
    },
    {
      name: 'clock',
      needs: 'redis',
      fix: 'Synchronise both clocks.',
      run: async () => {
        const aheadMs = (await (await parts.store()).serverNowMs()) - parts.clock.nowMs()
        const found = `Redis is ${Math.abs(Math.round(aheadMs))} ms ${aheadMs < 0 ? 'behind' : 'ahead'}`
        if (Math.abs(aheadMs) <= SKEW_MS_MAX) return [ok(found)]
        return [{ result: 'warn', found, fix: 'Synchronise both clocks: deadlines are compared with Redis time.' }]
      },
    },
  ]
}

function ledgerCheck(parts: Parts): Check {
  const fix = 'Seed it with ferryman ledger seed FILE.'
  return {
    name: 'ledger',
    needs: 'redis',
    fix,
    run: async () => {
      const { providers, consumers } = await (await parts.store()).books.dump()
      if (providers.length === 0) return [{ result: 'warn', found: 'it holds no providers', fix }]
      return [ok(`${providers.length} providers, ${consumers.length} consumers`)]
    },
  }
}

function ok(found: string): Finding {
  return { result: 'ok', found, fix: '' }
}
