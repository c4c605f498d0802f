// What doctor makes of numbers that a healthy server does not show, and with what it ends.
import { expect } from 'chai'
import { latencyFinding, nodeFindings } from '../../../src/cli/doctor-broker.ts'
import { diskFinding, memoryFinding } from '../../../src/cli/doctor-redis.ts'
import { doctor, ok, wrong, type Check, type Finding } from '../../../src/cli/doctor.ts'
import { EXIT } from '../../../src/cli/exit.ts'
import type { Io } from '../../../src/cli/output.ts'
import { Refused, Unavailable } from '../../../src/retry/failures.ts'

const MIB = 1 << 20
const far = {
  name: 'a',
  fd_used: 10,
  fd_total: 100,
  disk_free: 90 * MIB,
  disk_free_limit: 40 * MIB,
  mem_used: 1,
  mem_limit: 2,
}

describe('what doctor finds', () => {
  it('of a node: files, disk and memory near their limits, each with what mends it', () => {
    expect(nodeFindings(far).map(({ result }) => result)).to.deep.equal(['ok'])
    expect(nodeFindings({ name: 'a' }).map(({ result }) => result)).to.deep.equal(['ok'])
    const near = { ...far, fd_used: 81, disk_free: 79 * MIB, mem_used: 81 * MIB, mem_limit: 100 * MIB }
    expect(nodeFindings(near).map(({ found }) => found)).to.deep.equal([
      'a: 81 of 100 files are open',
      'a: 79 MiB of disk are free, at 40 it stops',
      'a: 81 of 100 MiB of memory are used',
    ])
    for (const { result, fix } of nodeFindings(near)) expect([result, fix === '']).to.deep.equal(['warn', false])
  })

  it('of the memory of Redis: no limit, room, and none', () => {
    const of = (used: number, limit: number): Finding =>
      memoryFinding(
        new Map([
          ['used_memory', `${used * MIB}`],
          ['maxmemory', `${limit * MIB}`],
        ]),
      )
    expect([of(1, 0), of(79, 100), of(80, 100)].map(({ result }) => result)).to.deep.equal(['warn', 'ok', 'fail'])
    expect(of(80, 100).found).to.equal('80 of 100 MiB used: consumption pauses')
  })

  it('of the disk of Redis: a write that failed', () => {
    expect(diskFinding(new Map([['aof_last_write_status', 'ok']])).result).to.equal('ok')
    const failed = diskFinding(
      new Map([
        ['aof_last_write_status', 'err'],
        ['rdb_last_bgsave_status', 'ok'],
      ]),
    )
    expect(failed).to.include({ result: 'fail', found: 'aof_last_write_status: not ok' })
  })

  it('of how long answers took: the median counts, the worst is told', () => {
    expect(latencyFinding([1, 900, 2], 10, 'x')).to.deep.equal(ok('median 2.00 ms, worst 900.00 ms of 3'))
    expect(latencyFinding([11, 11, 1], 10, 'x')).to.include({ result: 'warn', fix: 'x' })
  })
})

describe('a run of doctor', () => {
  const run = async (...checks: readonly Check[]): Promise<{ code: number; rows: Record<string, string>[] }> => {
    let out = ''
    const io = { out: (text: string) => (out += text) } as unknown as Io
    const code = await doctor(io, checks, true)
    return {
      code,
      rows: out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, string>),
    }
  }
  const check = (name: string, found: Finding | Error, needs?: string): Check => ({
    name,
    fix: `mend ${name}`,
    ...(needs === undefined ? {} : { needs }),
    run: () => (found instanceof Error ? Promise.reject(found) : Promise.resolve([found])),
  })

  it('ends with 0 when nothing failed, whatever was warned of', async () => {
    expect((await run(check('a', ok('x')), check('b', wrong('warn', 'y', 'z', EXIT.config)))).code).to.equal(0)
  })

  it('ends with the code of the first failure', async () => {
    const refused = check('r', new Refused('no'))
    const down = check('d', new Unavailable('gone'))
    const unsafe = check('u', wrong('fail', 'x', 'y', EXIT.config))
    const no = check('n', wrong('fail', 'x', 'y'))
    expect((await run(refused, down)).code).to.equal(77)
    expect((await run(down, refused)).code).to.equal(69)
    expect((await run(unsafe, down)).code).to.equal(78)
    expect((await run(no, unsafe)).code).to.equal(1)
    expect((await run(check('bug', new Error('oops')))).code).to.equal(70)
  })

  it('tells a failure with its fix, and does not try what needs it, nor what needs that', async () => {
    const { rows } = await run(
      check('a', new Unavailable('gone')),
      check('b', ok(''), 'a'),
      check('c', ok(''), 'b'),
      check('d', ok('x')),
    )
    expect(rows).to.deep.equal([
      { check: 'a', result: 'fail', found: 'gone', fix: 'mend a' },
      { check: 'b', result: 'warn', found: 'not tried, since a failed', fix: 'First mend a.' },
      { check: 'c', result: 'warn', found: 'not tried, since b failed', fix: 'First mend b.' },
      { check: 'd', result: 'ok', found: 'x', fix: '' },
    ])
  })
})
