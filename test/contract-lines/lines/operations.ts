// Statements about operations: what each writes, needs and refuses, and what fits a destination.
import { notYet, shown, type Section } from './statement.ts'
import { BUSY, FITS, GUARDS } from './titles.ts'

const ENDED = 'moves: ended under guards of another move is source_unexpected, whatever the guard'
const CANCEL = 'own: cancel comes before its request, again for nothing to do, or too late: superseded'
const RELEASE = 'own: release leaves nothing, then there is nothing to do; guards hold, and force skips them'
const ADJUST = 'own: adjust changes amounts by their differences'
const TREES = 'consumers on trees or on shared providers are not part of this version'

export const OPERATIONS: Section = {
  title: '3. Operations',
  statements: [
    shown(
      'claim.migration',
      'M holds the part of the source, the consumer that of the destination, with owner and types.',
      'moves: claimed in mode migration puts the source on M, the destination on the consumer, with their types',
    ),
    shown(
      'claim.doubled',
      'The consumer holds both; confirm leaves the destination, revert the source.',
      'moves: claimed in mode doubled leaves the consumer with both, without M; confirm leaves the destination',
      'moves: claimed in mode doubled and reverted leaves the source',
    ),
    shown(
      'claim.before',
      'The consumer must hold exactly the source, and M nothing.',
      'moves: whose M stands already, or whose consumer is elsewhere, is source_unexpected',
    ),
    shown(
      'transfer',
      'The consumer holds the destination instead of the source, without M.',
      'moves: with destinationResources has that whole set there, and the old one back after revert',
    ),
    shown(
      'destination-resources',
      'Another size at the destination is the whole set held there.',
      'moves: with destinationResources has that whole set there, and the old one back after revert',
    ),
    shown(
      'retarget',
      'The consumer holds the new destination instead of the old one; M keeps the source.',
      'moves: retargeted holds the new destination instead of the old one, and M keeps the source',
    ),
    shown(
      'confirm',
      'M is gone, and the source is freed by exactly that.',
      'moves: confirmed frees the source by exactly that, and once more there is nothing to do',
    ),
    shown(
      'revert',
      'M is gone, and the consumer holds the source again.',
      'moves: reverted gives the source back, then there is nothing to do, and confirm is source_unexpected',
    ),
    shown('ends.guards', 'Source, destination and migration guard confirm and revert.', ENDED),
    shown(
      'ends.after',
      'Revert after confirm is source_missing, confirm after revert source_unexpected.',
      'moves: confirmed frees the source by exactly that, and once more there is nothing to do',
      'moves: reverted gives the source back, then there is nothing to do, and confirm is source_unexpected',
    ),
    shown(
      'ends.no-record',
      'Without a record they go ahead where all is named and the ledger matches exactly; else source_missing.',
      'moves: begun by another is ended where the ledger matches it exactly, and not where it does not',
    ),
    shown(
      'acquire',
      'A consumer that holds nothing gets what is asked, under the owner given.',
      'own: acquire gives what is asked to a consumer that holds nothing, under the owner given',
    ),
    shown('release', 'The consumer, and M of its open move, hold nothing; guards hold unless forced.', RELEASE, BUSY),
    shown('release.of-m', 'Release of the M of an open move is conflicting_operation.', BUSY),
    shown(
      'resize.max',
      'By default the larger of both sizes a class; a class left out is given up at the end.',
      'own: resize holds the larger of both sizes a class, and ends at the new one or the old one',
    ),
    shown(
      'resize.policies',
      'Policy sum holds both sizes, replace the new one.',
      'own: resize with policy sum holds both sizes, with replace the new one',
    ),
    shown('adjust', 'Amounts change by the differences; not below zero, not to nothing, not elsewhere.', ADJUST),
    shown(
      'swap-consumer',
      'All passes to one that holds nothing, with owner and type.',
      'own: swap-consumer passes all on, with owner and type, to one that holds nothing',
    ),
    shown('cancel.before', 'A cancel also ends a request that was never seen, and later is superseded.', CANCEL),
    shown(
      'cancel.waits',
      'While a write of its request is open the cancel waits.',
      'trouble: cannot be cancelled while its write is under way: the cancel waits, and both tell the same end',
    ),
    shown(
      'nothing-to-do.ends',
      'Confirm of what is confirmed or whose M is gone, revert of what is reverted: nothing to do.',
      'moves: confirmed frees the source by exactly that, and once more there is nothing to do',
      'moves: reverted gives the source back, then there is nothing to do, and confirm is source_unexpected',
      'moves: begun by another is ended where the ledger matches it exactly, and not where it does not',
    ),
    shown('nothing-to-do.others', 'Release of nothing, cancel of what is cancelled: nothing to do.', RELEASE, CANCEL),
    shown(
      'fits.exists',
      'Every provider exists and is not disabled.',
      FITS('a provider that does not exist: destination_missing'),
      FITS('a disabled one: destination_disabled'),
    ),
    shown(
      'fits.traits',
      'It has every required trait and no forbidden one.',
      FITS('one without a required trait: traits_unmet'),
      FITS('one with a forbidden trait: traits_unmet'),
    ),
    shown('fits.aggregates', 'It is in every aggregate.', FITS('one that is not in every aggregate: aggregates_unmet')),
    shown('fits.class', 'It offers each class.', FITS('one without the class: no_inventory')),
    shown(
      'fits.units',
      'min_unit, max_unit and step_size hold.',
      'room: keeps to min_unit, max_unit and step_size, each with what was requested and the limit',
    ),
    shown(
      'fits.capacity',
      'used + n <= (total - reserved) * allocation_ratio, to the last unit.',
      'room: is filled to the last unit: used + n <= (total - reserved) * allocation_ratio',
      FITS('one that is full: capacity_exceeded'),
      'hot: takes exactly 17 of 120 claims, and refuses the others with the numbers',
    ),
    shown(
      'fits.over',
      'One that is over already is accepted where the write makes it no worse.',
      'room: may stay on a provider that is over already where it makes that no worse',
    ),
    shown(
      'fits.alternates',
      'Alternates are tried in order while one refuses for lack of room or fit.',
      'room: is the first alternate that fits, which the event names',
      'room: is tried one by one: no_candidate carries each destination, and the event names the first',
    ),
    shown('guards', 'Each guard given must hold, and a refusal lists all violations with numbers.', GUARDS),
    shown(
      'books',
      'No operation leaves a consumer on neither side, on a third provider, or with a share of what it had.',
      'moves: leaves the ledger as the events told it',
    ),
    notYet(
      'trees',
      'The source is summed over its tree; of several candidates the smallest by sorted uuids is taken.',
      TREES,
    ),
    notYet('shared', 'Allocations on shared providers stay as they are.', TREES),
    notYet(
      'overcommitted',
      'An older Placement refuses a provider that is over also for a revert: source_overcommitted.',
      'shown by test/contract/placement.rules.ts within the process',
    ),
  ],
}
