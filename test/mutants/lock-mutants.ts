// Guards of the locks: what keeps two workers from holding one resource, and a dead one from holding it for ever.
import { mutantsOf } from './mutant.ts'

export const LOCK_MUTANTS = mutantsOf(
  {
    name: 'grace',
    fear: 'After a restart of Redis a lock is granted while its holder of before may still write.',
    file: 'lua/lib/prelude.lua',
    text: 'graceUntil, restoring = now + graceMs, run',
    instead: 'graceUntil, restoring = 0, run',
    noticed: 'redis: grants nothing until every earlier lease must be over, and says when to ask again',
  },
  {
    name: 'grace-handover',
    fear: 'What is released during the grace passes on while its holder of before may still write.',
    file: 'lua/lib/queue.lua',
    text: 'if now < graceUntil then return false end',
    instead: '',
    noticed: 'redis: passes nothing on during the grace, also what is released',
  },
  {
    name: 'promote-session',
    fear: 'A lock is handed to a process that is dead, and everybody waits out its hold time.',
    file: 'lua/lib/queue.lua',
    text: 'if not alive(ticket.session) then',
    instead: 'if false then',
    noticed: 'redis: drops a dead waiter at its head, and moves its other queues on too',
  },
)
