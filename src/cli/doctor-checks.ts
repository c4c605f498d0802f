// Everything a worker needs, in the order in which a start meets it.
import { readFile } from 'node:fs/promises'
import type { Parts } from '../wire/parts.ts'
import { brokerChecks } from './doctor-broker.ts'
import { redisChecks } from './doctor-redis.ts'
import { ok, type Check } from './doctor.ts'

const NODE_LEAST = [20, 19] as const
/** Soft limit below which a worker with many connections may run out. */
const FILES_LEAST = 1_024

/** The checks, in the order in which a start meets them. */
export function checksOf(parts: Parts, nodeVersion: string): readonly Check[] {
  return [nodeCheck(nodeVersion), filesCheck(), ...brokerChecks(parts), ...redisChecks(parts), ledgerCheck(parts)]
}

function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const enough = major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1])
  const fix = `Install Node ${NODE_LEAST.join('.')} or newer.`
  return { name: 'node', fix, run: async () => [enough ? ok(version) : { result: 'fail', found: version, fix }] }
}

/** n.b. Only Linux tells a process its limits in a file; elsewhere there is nothing to say. */
function filesCheck(): Check {
  return {
    name: 'open files',
    fix: `Allow ${FILES_LEAST} (ulimit -n ${FILES_LEAST}, or LimitNOFILE= of the unit).`,
    run: async () => {
      const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
      const soft = /^Max open files +(\d+|unlimited)/m.exec(limits)?.[1]
      if (soft === undefined) return [ok('this system does not tell its limit')]
      if (soft === 'unlimited' || Number(soft) >= FILES_LEAST) return [ok(`at most ${soft}`)]
      return [{ result: 'warn', found: `at most ${soft}`, fix: filesCheck().fix }]
    },
  }
}

function ledgerCheck(parts: Parts): Check {
  const fix = 'Seed it with ferryman ledger seed FILE.'
  return {
    name: 'ledger',
    needs: 'redis',
    fix,
    run: async () => {
      const { books, ledger } = await parts.store()
      await ledger.probe()
      const { providers, consumers } = await books.dump()
      if (providers.length === 0) return [{ result: 'warn', found: 'it holds no providers', fix }]
      return [ok(`${providers.length} providers, ${consumers.length} consumers`)]
    },
  }
}
