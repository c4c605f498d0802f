// The Placement of a test run: one shared by all files, emptied for each test, or one of your own.
import { ensurePackages, PLACEMENT_PACKAGES } from '../../src/demo/packages.ts'
import { startPlacement, type PlacementOptions, type PlacementServer } from '../../src/demo/servers.ts'

let shared: Promise<PlacementServer> | undefined

/** The shared Placement. Never freeze or stop it, and call `emptied` before you rely on what is in it. */
export function sharedPlacement(): Promise<PlacementServer> {
  shared ??= ownPlacement()
  return shared
}

/** A Placement of one's own, to be stopped by the test; it takes about 2 s to start. */
export function ownPlacement(options: PlacementOptions = {}): Promise<PlacementServer> {
  ensurePackages(PLACEMENT_PACKAGES, (line) => process.stderr.write(`${line}\n`))
  return startPlacement(options)
}

/** Takes everything out of it but resource classes and traits, which the server's processes remember. */
export async function emptied(server: PlacementServer): Promise<PlacementServer> {
  await server.sql(
    'TRUNCATE allocations, consumers, inventories, resource_providers, resource_provider_traits, ' +
      'resource_provider_aggregates, placement_aggregates, projects, users CASCADE',
  )
  return server
}
