import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Models } from './models.ts'
import type { Step } from './plan.ts'

/**
 * What decides a model's result besides the events, as a sha256 in hex, by name: its SQL as it is parsed, how it accumulates,
 * macros.sql, a seed's content, and the same of all that it needs. Steps come as a plan orders them. A model that cannot be run,
 * because of itself or of what it needs, has no version.
 */
export function versions(steps: readonly Step[], macros: Models['macros']): Map<string, string> {
  const found = new Map<string, string>()
  for (const { model, needs, problem } of steps) {
    const below = needs.flatMap((need) => found.get(need) ?? [])
    const content = model.layer === 'seeds' ? seed(model.file) : model.canonical
    if (problem || below.length < needs.length || content === undefined) continue
    const parts = [model.layer, content, model.header.accumulates ?? null, model.layer === 'seeds' ? '' : macros?.sql ?? '', needs, below]
    found.set(model.name, createHash('sha256').update(JSON.stringify(parts)).digest('hex'))
  }
  return found
}

/** In base64, since any bytes may be in it; undefined where the run will say why it cannot be read. */
function seed(file: string): string | undefined {
  try {
    return readFileSync(file, 'base64')
  } catch {
    return undefined
  }
}
