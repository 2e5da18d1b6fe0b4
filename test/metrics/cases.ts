import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { EventRow } from './rows.ts'

/**
 * One line of a case's events.ndjson. `{n}` in a text counts the repetitions from 1.
 *
 * {"at": "2025-03-10T17:54:00.900000Z", "by": "ann", "like": "p{n}", "times": 50, "every": 1200000}
 */
interface Compact {
  at: string
  by: string
  /** What is liked, created unless action says otherwise. */
  like?: string
  repost?: string
  post?: string
  langs?: string[]
  reply?: string
  action?: 'create' | 'update' | 'delete'
  times?: number
  /** Microseconds from one repetition to the next. */
  every?: number
  /** When it was ingested; a second after it happened unless given. */
  read?: string
}

export interface Case {
  name: string
  rows: EventRow[]
  /** By metric: what its CSV must be. */
  expected: Map<string, string>
}

export function readCases(directory: string): Case[] {
  return readdirSync(directory).sort().map((name) => {
    const lines = readFileSync(join(directory, name, 'events.ndjson'), 'utf8').split('\n').filter((line) => line !== '')
    const expected = readdirSync(join(directory, name, 'expected'))
    return {
      name,
      rows: lines.flatMap((line, n) => expand(JSON.parse(line) as Compact, n)),
      expected: new Map(expected.map((file) => [basename(file, '.csv'), readFileSync(join(directory, name, 'expected', file), 'utf8')])),
    }
  })
}

function expand(compact: Compact, line: number): EventRow[] {
  const { times = 1, every = 0, action = 'create' } = compact
  const feed = compact.like !== undefined ? 'like' : compact.repost !== undefined ? 'repost' : 'post'
  return Array.from({ length: times }, (_, n) => {
    const fill = (text: string | undefined): string | undefined => text?.replaceAll('{n}', String(n + 1))
    const at = micros(compact.at) + n * every
    const subject = fill(compact.like ?? compact.repost)
    return {
      event_time: at,
      kind: 'commit',
      action,
      did: `did:plc:${fill(compact.by)}`,
      collection: `app.bsky.feed.${feed}`,
      rkey: `r${line}-${n}`,
      subject_uri: action === 'delete' || subject === undefined ? null : `at://did:plc:author/app.bsky.feed.post/${subject}`,
      text: fill(compact.post) ?? null,
      langs: compact.langs ?? null,
      reply_parent: compact.reply ?? null,
      rest: {},
      ingested_at: compact.read === undefined ? at + 1_000_000 : micros(compact.read),
    }
  })
}

/** Date knows milliseconds only. */
function micros(time: string): number {
  const fraction = /\.(\d+)Z$/.exec(time)?.[1] ?? ''
  return Date.parse(time.replace(/\.\d+Z$/, 'Z')) * 1000 + Number(fraction.padEnd(6, '0'))
}
