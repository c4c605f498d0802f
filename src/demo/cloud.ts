// A small cloud to move servers in: eight hosts of five kinds, two hundred servers, all chosen by one number. Pure.
import type { SeedConsumer, SeedDocument, SeedProvider } from '../ledger/seed-document.ts'
import type { Amounts } from '../transfer/request.ts'
import type { Inventory } from '../transfer/snapshot.ts'
import { capacityOf, DISABLED_TRAIT } from '../transfer/capacity.ts'
import { uuidV5 } from '../transfer/uuid.ts'

/** Uniform in [0, 1), the same sequence for the same seed. */
export type Chance = () => number

/** The generator that is commonly called mulberry32. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export function oneOf<Item>(items: readonly Item[], chance: Chance): Item {
  return items[Math.floor(chance() * items.length)]!
}

export const SERVERS = 200
export const AVX = 'HW_CPU_X86_AVX512F'
/** The host that takes nothing new, the one that is nearly full, and the one that gives little to one server. */
export const DISABLED_HOST = 'cn-07'
export const FULL_HOST = 'cn-08'
export const SMALL_UNITS_HOST = 'cn-06'

/** Amounts by flavour, smallest first. Memory in MB, disk in GB. */
export const FLAVOURS = {
  small: { VCPU: 1, MEMORY_MB: 2_048, DISK_GB: 20 },
  medium: { VCPU: 2, MEMORY_MB: 4_096, DISK_GB: 40 },
  large: { VCPU: 4, MEMORY_MB: 8_192, DISK_GB: 80 },
  xlarge: { VCPU: 8, MEMORY_MB: 16_384, DISK_GB: 160 },
} as const satisfies Readonly<Record<string, Amounts>>

const COMMON: readonly Amounts[] = [
  ...Array<Amounts>(4).fill(FLAVOURS.small),
  ...Array<Amounts>(3).fill(FLAVOURS.medium),
  ...Array<Amounts>(2).fill(FLAVOURS.large),
  FLAVOURS.xlarge,
]

interface Kind {
  readonly vcpus: number
  readonly vcpuRatio: number
  readonly memoryGb: number
  readonly memoryRatio: number
  readonly vcpusToOneMax?: number
  readonly traits?: readonly string[]
  readonly isPooled?: true
}

/** cn-01 to cn-08. */
const KINDS: readonly Kind[] = [
  { vcpus: 64, vcpuRatio: 4, memoryGb: 384, memoryRatio: 1, traits: [AVX], isPooled: true },
  { vcpus: 64, vcpuRatio: 4, memoryGb: 384, memoryRatio: 1, traits: [AVX], isPooled: true },
  { vcpus: 32, vcpuRatio: 2, memoryGb: 256, memoryRatio: 1.5, isPooled: true },
  { vcpus: 32, vcpuRatio: 2, memoryGb: 256, memoryRatio: 1.5, isPooled: true },
  { vcpus: 64, vcpuRatio: 1, memoryGb: 256, memoryRatio: 1, traits: [AVX] },
  { vcpus: 24, vcpuRatio: 3, memoryGb: 192, memoryRatio: 1, vcpusToOneMax: 4 },
  { vcpus: 48, vcpuRatio: 2, memoryGb: 256, memoryRatio: 1, traits: [DISABLED_TRAIT] },
  { vcpus: 16, vcpuRatio: 2, memoryGb: 64, memoryRatio: 1 },
]

const OFF_DUTY_SERVERS = 20
/** What fills cn-08 but for one VCPU. */
const FILLING: readonly Amounts[] = [...Array<Amounts>(7).fill(FLAVOURS.large), FLAVOURS.medium, FLAVOURS.small]

/** Uuid of a host by its name. */
export function hostId(name: string): string {
  return uuidV5(`demo/host/${name}`)
}

/** The aggregate of cn-01 to cn-04. */
export const POOL = uuidV5('demo/aggregate/pool')

/** The seed document of the cloud. */
export function cloudOf(seed: number): SeedDocument {
  const chance = chanceOf(seed)
  const providers = KINDS.map(hostOf)
  const used = new Map(providers.map(({ id }) => [id, 0]))
  const consumers: SeedConsumer[] = []
  const place = (id: string, flavour: Amounts): void => {
    used.set(id, used.get(id)! + flavour['VCPU']!)
    consumers.push({
      id: uuidV5(`demo/${seed}/server/${consumers.length}`),
      type: 'INSTANCE',
      project: `project-${1 + Math.floor(chance() * 4)}`,
      user: 'demo',
      allocations: { [id]: flavour },
    })
  }
  for (const flavour of FILLING) place(hostId(FULL_HOST), flavour)
  for (let i = 0; i < OFF_DUTY_SERVERS; i++) place(hostId(DISABLED_HOST), oneOf(COMMON, chance))
  const open = providers.slice(0, 6)
  const share = ({ id, inventories }: SeedProvider): number => used.get(id)! / capacityOf(inventories['VCPU']!)
  while (consumers.length < SERVERS) {
    const flavour = oneOf(COMMON, chance)
    const [one, other] = [oneOf(open, chance), oneOf(open, chance)]
    const emptier = share(one) <= share(other) ? one : other
    if (flavour['VCPU']! <= emptier.inventories['VCPU']!.max_unit) place(emptier.id, flavour)
  }
  return { providers, consumers }
}

function hostOf(kind: Kind, position: number): SeedProvider {
  const name = `cn-0${position + 1}`
  const inventory = (total: number, ratio: number, more: Partial<Inventory> = {}): Inventory => ({
    total,
    reserved: 0,
    allocation_ratio: ratio,
    min_unit: 1,
    max_unit: total,
    step_size: 1,
    ...more,
  })
  const memoryMb = kind.memoryGb * 1_024
  return {
    id: hostId(name),
    name,
    parent: null,
    traits: kind.traits ?? [],
    aggregates: kind.isPooled === true ? [POOL] : [],
    inventories: {
      VCPU: inventory(kind.vcpus, kind.vcpuRatio, { max_unit: kind.vcpusToOneMax ?? 16 }),
      MEMORY_MB: inventory(memoryMb, kind.memoryRatio, { step_size: 256 }),
      DISK_GB: inventory(8_000, 1),
    },
  }
}
