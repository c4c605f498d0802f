// The desk's Lua scripts: rare beside those of the flow, so each is sent as text.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../config/root.ts'
import type { Argument, RedisClient, Reply } from '../../redis/client.ts'

export type ScriptName = 'take' | 'forget' | 'hold-intake' | 'change'

export type Run = (script: ScriptName, keys: readonly string[], args: readonly Argument[]) => Promise<Reply>

/** Runs `lua/desk/<script>.lua`, read once. */
export function deskScripts(redis: RedisClient): Run {
  const texts = new Map<string, string>()
  return (script, keys, args) => {
    const text = texts.get(script) ?? readFileSync(join(packageRoot(), 'lua', 'desk', `${script}.lua`), 'utf8')
    texts.set(script, text)
    return redis.call('EVAL', [text, keys.length, ...keys, ...args])
  }
}
