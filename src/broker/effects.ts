// What the broker does to the world, declared once: whether it may be repeated after a timeout, and because of what.
import { idempotent, type Effect } from '../retry/effect.ts'
import type { Delivery, Outgoing, Publisher } from './broker.ts'

export interface BrokerEffects {
  readonly publish: Effect<Outgoing, 'routed' | 'unroutable', 'idempotent'>
  readonly acknowledge: Effect<Delivery, void, 'idempotent'>
  readonly handBack: Effect<Delivery, void, 'idempotent'>
}

export function brokerEffectsOf(publisher: Publisher): BrokerEffects {
  return {
    publish: idempotent('broker.publish', 'a second copy carries the same message id, by which readers drop it',
      (message) => publisher.publish(message)),
    acknowledge: idempotent('broker.ack', 'the first settlement of a delivery counts, later ones do nothing',
      async (delivery) => delivery.ack()),
    handBack: idempotent('broker.hand_back', 'the first settlement of a delivery counts, later ones do nothing',
      async (delivery) => delivery.handBack()),
  }
}
