// Each Lua script says all its keys, arguments and replies, and nothing else.
import { expect } from 'chai'
import { projectRoot } from '../support/project-root.ts'
import { deadScripts, luaFaults } from './lua.ts'
import { none } from './none.ts'
import { source, sourcesIn } from './source.ts'

const scripts = sourcesIn(projectRoot(), ['lua'], ['.lua'])

const GOOD = [
  '-- Adds one.',
  '-- uses: clock',
  '-- KEYS[1] META hash: a',
  '-- ARGV[1] units how many',
  '-- Replies: ok',
  "redis.call('HINCRBY', META, 'a', units)",
  "return 'ok'",
  '',
].join('\n')
const CLOCK = source('lua/lib/clock.lua', '-- The time.\nlocal slot = KEYS[1]\n')
const faultsOf = (text: string) => luaFaults([source('lua/add.lua', text), CLOCK])

describe('Lua scripts', () => {
  it('have true headers', () => {
    none(luaFaults(scripts))
  })

  it('are all run by the product', () => {
    none(deadScripts(scripts, sourcesIn(projectRoot(), ['src'], ['.ts'])))
    expect(deadScripts([source('lua/add.lua', GOOD)], [source('src/a.ts', 'run(add)')])).lengthOf(1)
  })

  it('are faulted for each untruth in a header', () => {
    expect(faultsOf(GOOD)).deep.equal([])
    expect(faultsOf(GOOD.replace('-- ARGV[1]', '-- ARGV[2]'))[0]).contain('not one by one')
    expect(faultsOf(GOOD.replace('META,', 'KEYS[2],'))).lengthOf(1)
    expect(faultsOf(GOOD.replace(', units', ', 1'))[0]).contain('which nothing uses')
    expect(faultsOf(GOOD.replace('-- Replies: ok\n', ''))[0]).contain('does not say what it replies')
    expect(faultsOf(GOOD.replace('uses: clock', 'uses: calendar'))).lengthOf(2)
  })

  it('answer for the parts that they reach, and for no other function of these', () => {
    const clock = source(
      'lua/lib/clock.lua',
      'local function now()\n  return SEEN\nend\nlocal function one() return 1 end\n',
    )
    const other = source('lua/other.lua', GOOD.replaceAll('META', 'SEEN'))
    const faults = (call: string) => luaFaults([source('lua/add.lua', GOOD.replace("'ok'", call)), other, clock])
    expect(faults('one()')).deep.equal([])
    expect(faults('now()')).deep.equal(['lua/add.lua: uses SEEN, which its header does not name'])
  })

  it('are faulted for a key that only other headers name', () => {
    const other = source('lua/other.lua', GOOD.replaceAll('META', 'OTHER'))
    const using = source('lua/add.lua', GOOD.replace("return 'ok'", "redis.call('DEL', OTHER)"))
    expect(luaFaults([using, other, CLOCK])).deep.equal(['lua/add.lua: uses OTHER, which its header does not name'])
  })
})
