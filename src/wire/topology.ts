// The topology of an installation as data, without a connection: what is written for others to import.
import { topologyOf, DELIVERY_LIMIT, type Topology } from '../broker/topology.ts'
import { vhostOf } from '../broker/rabbit/urls.ts'
import type { Config } from '../config.ts'

export interface Site {
  readonly topology: Topology
  readonly vhost: string
}

export function siteOf({ rabbitmq }: Config): Site {
  const [url] = rabbitmq.urls as readonly [string, ...string[]]
  const topology = topologyOf(rabbitmq.prefix, { journalDays: rabbitmq.journalDays, deliveryLimit: DELIVERY_LIMIT })
  return { topology, vhost: vhostOf(url) }
}
