// The demo's picture as text: bars within the width, classes in order, reasons wrapped, and colour only where wanted.
import { expect } from 'chai'
import { checksPicture, hostsPicture, lettersPicture, outcomesPicture, progressBar } from '../../../src/demo/picture.ts'
import { styleOf, type Style } from '../../../src/demo/screen.ts'
import type { Provider } from '../../../src/transfer/snapshot.ts'

const PLAIN: Style = { width: 60, colour: false, blocks: false }
const COLOURED: Style = { width: 60, colour: true, blocks: true }

function host(name: string, vcpus: number, memoryMb: number): Provider {
  const units = { reserved: 0, min_unit: 1, max_unit: 1_000, step_size: 1 }
  return {
    id: name,
    name,
    parent: null,
    generation: 1,
    traits: [],
    aggregates: [],
    inventories: {
      VCPU: { total: 16, allocation_ratio: 2, ...units },
      MEMORY_MB: { total: 65_536, allocation_ratio: 1, ...units },
    },
    usages: { VCPU: vcpus, MEMORY_MB: memoryMb },
  }
}

describe('the picture of the demo', () => {
  it('draws hosts before and after, by name, with what is special about one', () => {
    const before = [host('cn-2', 31, 65_536), host('cn-1', 0, 0)]
    const after = [host('cn-1', 1, 1_024), host('cn-2', 16, 32_768)]
    expect(hostsPicture(before, after, { 'cn-2': 'nearly full' }, PLAIN)).to.equal(
      [
        '            before                   after',
        'cn-1   VCPU ..............     0/32  #.............     1/32',
        '       GB   ..............     0/64  #.............     1/64',
        'cn-2   VCPU #############.    31/32  #######.......    16/32',
        '       GB   ##############    64/64  #######.......    32/64',
        '       nearly full',
        '',
      ].join('\n'),
    )
  })

  it('draws a bar a code, ordered by class, then by how often', () => {
    expect(
      outcomesPicture(
        [
          { code: 'expired', class: 'refused', count: 1 },
          { code: 'nothing_to_do', class: 'done', count: 5 },
          { code: 'applied', class: 'done', count: 100 },
          { code: 'malformed', class: 'invalid', count: 50 },
        ],
        PLAIN,
      ),
    ).to.equal(
      [
        `done       applied        100 ${'#'.repeat(30)}`,
        '           nothing_to_do    5 ##',
        `invalid    malformed       50 ${'#'.repeat(15)}`,
        'refused    expired          1 #',
        '',
      ].join('\n'),
    )
  })

  it('tells each kind of dead letter with its number and one reason, wrapped', () => {
    expect(
      lettersPicture(
        [
          {
            code: 'expired',
            class: 'refused',
            count: 12,
            example: 'The deadline 2020-01-01T00:00:00Z had passed before it was first tried.',
          },
          { code: 'malformed', class: 'invalid', count: 3, example: 'It cannot be parsed.' },
        ],
        PLAIN,
      ),
    ).to.equal(
      [
        ' 3  malformed',
        '    It cannot be parsed.',
        '12  expired',
        '    The deadline 2020-01-01T00:00:00Z had passed before it',
        '    was first tried.',
        '',
      ].join('\n'),
    )
  })

  it('tells what each check found', () => {
    expect(
      checksPicture(
        [
          { name: 'one decision each', holds: true, found: '3 requests, 3 decisions' },
          { name: 'units', holds: false, found: '4 VCPU are held, 5 are explained (and 2 more)' },
        ],
        PLAIN,
      ),
    ).to.equal(
      [
        'ok    one decision each  3 requests, 3 decisions',
        'FAIL  units              4 VCPU are held, 5 are explained',
        '                         (and 2 more)',
        '',
      ].join('\n'),
    )
  })

  it('stays within the width, colours not counted', () => {
    for (const width of [60, 80, 110]) {
      const style = { ...COLOURED, width }
      const text = [
        hostsPicture([host('cn-1', 20, 65_000)], [host('cn-1', 32, 100)], {}, style),
        outcomesPicture([{ code: 'conflicting_operation', class: 'refused', count: 12_345 }], style),
        lettersPicture([{ code: 'x', class: 'operator', count: 1, example: 'word '.repeat(60).trim() }], style),
      ].join('')
      for (const line of text.replaceAll(/\u001b\[\d+m/g, '').split('\n')) expect(line.length).to.be.at.most(width)
    }
  })

  it('has colours only where they are wanted', () => {
    const tallies = [{ code: 'applied', class: 'done', count: 1 }] as const
    expect(outcomesPicture(tallies, { ...PLAIN, colour: true })).to.include('\u001b[32m')
    expect(outcomesPicture(tallies, PLAIN)).not.to.include('\u001b')
  })

  it('shows progress from nothing to all', () => {
    expect([0, 0.5, 1, 2].map((share) => progressBar(share, false))).to.deep.equal([
      `[${'.'.repeat(20)}]`,
      `[${'#'.repeat(10)}${'.'.repeat(10)}]`,
      `[${'#'.repeat(20)}]`,
      `[${'#'.repeat(20)}]`,
    ])
  })
})

describe('the style of the demo', () => {
  it('has colour on a terminal only, and not with NO_COLOR or on a dumb one', () => {
    expect(styleOf(80, {}).colour).to.equal(true)
    expect(styleOf(80, { NO_COLOR: '' }).colour).to.equal(true)
    expect(styleOf(80, { NO_COLOR: '1' }).colour).to.equal(false)
    expect(styleOf(80, { TERM: 'dumb' }).colour).to.equal(false)
    expect(styleOf(null, {}).colour).to.equal(false)
  })

  it('fits the width of the terminal, within what can be read', () => {
    expect([null, 20, 80, 300].map((width) => styleOf(width, {}).width)).to.deep.equal([80, 60, 80, 110])
  })

  it('draws blocks only where the locale knows them; the first variable that is set counts', () => {
    expect(styleOf(80, { LANG: 'en_GB.UTF-8' }).blocks).to.equal(true)
    expect(styleOf(80, { LC_ALL: 'C', LANG: 'en_GB.UTF-8' }).blocks).to.equal(false)
    expect(styleOf(80, {}).blocks).to.equal(false)
  })
})
