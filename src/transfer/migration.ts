// Which consumer holds the source while a move is open (M): as given, as derived, or as the journal remembers it.
import type { Facts } from './plan.ts'
import type { Request } from './request.ts'
import { uuidV5 } from './uuid.ts'

/** M as the request alone tells it: as given; derived from its id for a claim in mode `migration`; else null. */
export function migrationOfClaim(request: Request): string | null {
  const derives = request.operation === 'claim' && request.mode === 'migration'
  return request.migration ?? (derives ? uuidV5(request.id) : null)
}

/** M of the request: `migrationOfClaim`, else that of the open move of its consumer, where one acts on moves. */
export function migrationOf(request: Request, facts: Pick<Facts, 'moves'>): string | null {
  const own = migrationOfClaim(request)
  if (own !== null || request.consumer === null) return own
  switch (request.operation) {
    case 'retarget':
    case 'confirm':
    case 'revert':
    case 'release': {
      const move = facts.moves[request.consumer]
      return move?.consumer === request.consumer && move.state === 'open' ? move.migration : null
    }
    default:
      return null
  }
}
