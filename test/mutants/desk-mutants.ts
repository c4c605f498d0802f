// Guards of a replay: none where the letter, or anything of its chain, may have taken effect.
import { mutantsOf } from './mutant.ts'

export const DESK_MUTANTS = mutantsOf(
  {
    name: 'replay-unknown',
    fear: 'A request with an unknown effect is replayed, and happens twice.',
    file: 'src/dead-letters/verdict.ts',
    text: "standing !== 'did_not_happen') {",
    instead: 'false) {',
    noticed: 'verdict: refuses what is not known',
  },
  {
    name: 'replay-chain',
    fear: 'A letter is replayed whose earlier replay happened.',
    file: 'src/dead-letters/verdict.ts',
    text: "others.filter((member) => member.standing !== 'did_not_happen')",
    instead: '[]',
    noticed: 'verdict: refuses an earlier replay that happened',
  },
  {
    name: 'replay-invalid',
    fear: 'Bytes that are no request are sent again and again.',
    file: 'src/dead-letters/verdict.ts',
    text: "letter.class === 'invalid'",
    instead: 'false',
    noticed: 'verdict: refuses class invalid',
  },
)
