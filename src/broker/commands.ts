// The rabbitmqctl commands that are told to people: policies and rights, quoted for a shell. Pure.
import type { WrittenPolicy } from './topology.ts'

/** Sets `policy` in `vhost`, whether it is there or not. */
export function setPolicyCommand(vhost: string, policy: WrittenPolicy): string {
  const { name, pattern, priority, definition } = policy
  return [
    'rabbitmqctl set_policy -p',
    quoted(vhost),
    `--priority ${priority} --apply-to ${policy['apply-to']}`,
    quoted(name),
    quoted(pattern),
    quoted(JSON.stringify(definition)),
  ].join(' ')
}

export function clearOperatorPolicyCommand(vhost: string, name: string): string {
  return `rabbitmqctl clear_operator_policy -p ${quoted(vhost)} ${quoted(name)}`
}

export function deleteQueueCommand(vhost: string, name: string): string {
  return `rabbitmqctl delete_queue -p ${quoted(vhost)} ${quoted(name)}`
}

/** n.b. rabbitmqctl deletes no exchange; rabbitmqadmin comes with the management API. */
export function deleteExchangeCommand(vhost: string, name: string): string {
  return `rabbitmqadmin --vhost=${quoted(vhost)} delete exchange name=${quoted(name)}`
}

/** Patterns of what a user may configure, write and read, as RabbitMQ keeps them. */
export interface Patterns {
  readonly configure: string
  readonly write: string
  readonly read: string
}

/** n.b. It replaces all rights that the user has in `vhost`. */
export function setPermissionsCommand(vhost: string, user: string, { configure, write, read }: Patterns): string {
  const words = [vhost, user, configure, write, read].map(quoted)
  return `rabbitmqctl set_permissions -p ${words.join(' ')}`
}

/** A word as a POSIX shell reads it back. */
export function quoted(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
