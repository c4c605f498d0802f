// Tests that statements of several sections name.

export const FITS = (what: string): string => `room: is not ${what}, with its numbers`
export const BUSY =
  'moves: keeps others off with conflicting_operation: all that begins something new, and release of M'
export const ORDER =
  'telling: of what is invalid goes by the body where message_id says otherwise, and the sizes come first'
export const REPLAY =
  'commands: dead-letters replay refuses class invalid, and sends a refusal again under its derived id'
export const GUARDS = 'moves: guarded names every guard that does not hold with what was found, and changes nothing'
