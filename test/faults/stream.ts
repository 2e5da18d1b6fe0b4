import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readLake, tree } from '../lake.ts'
import { eventLine } from '../lines.ts'

/** A source whose lines are known: events of known keys and times, among them lines that are no events. */
export interface Stream {
  lines: { text: string; key?: string; time: number }[]
  /** Keys of all events. */
  keys: string[]
}

const HOUR = 3_600_000

/** Stream time that a source goes back by when it resumes, ms: less than the two minutes that ingest remembers. */
const REWIND = 100_000

/**
 * Events a second apart around 15:00, and ten at 17:30 so that both hours are sealed. One line in fifty is no event.
 * `name` makes streams of several writers differ.
 */
export function makeStream({ events = 250, name = '', start = Date.parse('2026-07-04T14:58:00Z') } = {}): Stream {
  const lines: Stream['lines'] = []
  for (let n = 0; n < events; n++) {
    const late = n >= events - 10
    const time = start + n * 1000 + (late ? 2.5 * HOUR : 0)
    if (n % 50 === 17) lines.push({ text: `no event ${name}${n}`, time })
    lines.push({ text: eventLine(n, time - n * 1000).replace(`/k${n}"`, `/k${name}${n}"`), key: `k${name}${n}`, time })
  }
  return { lines, keys: lines.flatMap(({ key }) => key ?? []) }
}

/** What the source says when it is started anew: from a little before the first event that is neither in the lake nor in a log. */
export async function resume({ lines }: Stream, cwd: string): Promise<string> {
  const durable = await durableKeys(cwd)
  const missing = lines.findIndex(({ key }) => key !== undefined && !durable.has(key))
  const last = missing < 0 ? lines.at(-1) : lines.slice(0, missing).findLast(({ key }) => key !== undefined)
  const from = last ? lines.findIndex(({ time }) => time >= last.time - REWIND) : 0
  return textOf(lines.slice(from))
}

export function textOf(lines: Stream['lines']): string {
  return lines.map(({ text }) => `${text}\n`).join('')
}

/** What lake and logs have. */
export async function durableKeys(cwd: string): Promise<Set<string>> {
  const wal = join(cwd, '.sluice', 'wal')
  const logged = tree(wal).filter((file) => file.endsWith('.ndjson'))
  const keys = logged.flatMap((file) =>
    readFileSync(join(wal, file), 'utf8').split('\n').slice(0, -1).flatMap((line) => /"path":"[^"]*\/(k[^"]*)"/.exec(line)?.[1] ?? []),
  )
  return new Set([...keys, ...(await readLake(join(cwd, 'lake'))).map(({ rkey }) => String(rkey))])
}
