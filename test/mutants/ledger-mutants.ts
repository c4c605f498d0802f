// Guards of a write on the Redis ledger: who may write, on what was read, and whether there is room.
import { mutantsOf } from './mutant.ts'

export const LEDGER_MUTANTS = mutantsOf(
  {
    name: 'fence',
    fear: 'A worker writes whose lock has passed on to another.',
    file: 'lua/apply.lua',
    text: "not ticket or ticket.state ~= 'G' or ticket.session ~= session then",
    instead: 'false then',
    noticed: 'redis: whose hold time is over writes nothing',
    simulated: 'redis: oldProcessingWrites',
  },
  {
    name: 'capacity',
    fear: 'More is allocated than a provider has.',
    file: 'lua/lib/fits.lua',
    text: '(used[class] or 0) + delta > inventory.room',
    instead: 'false',
    noticed: 'redis: two consumers that fit one by one and not together are refused',
    simulated: 'redis: capacityChecked',
  },
)
