// What bluesky takes and what its help says; read by bin/bluesky.ts.
import type { Command, Options } from '../options.ts'
import { parseChoice, parseCount, parseDuration, parseText } from '../quantity.ts'
import { parseMicros } from '../source/instant.ts'
import { PLACES } from './shared.ts'

/** Where a simulated stream begins that is not printed in real time: the same bytes on every day. */
export const DEFAULT_START = '2026-01-01T00:00:00Z'
const MAX_RATE = 1_000_000

/** What `bluesky` takes, and its help. */
export const BLUESKY = {
  name: 'bluesky',
  summary: 'Prints the events of the Bluesky network to stdout, one JSON object a line: live, simulated, or from a file.',
  epilogue: `Examples:
  ./bluesky | ./handle-stream                       live, into the lake, until Ctrl-C
  ./bluesky --collections app.bsky.feed.*           posts, likes, reposts (and accounts, always)
  ./bluesky --simulate --for 30s | ./handle-stream  no network: 1,000 events a second for 30 seconds
  ./bluesky --simulate --events 1000000 > a.ndjson  at once, and the same bytes every time
  ./bluesky --replay a.ndjson.gz --speed 10         a file, ten times as fast as it happened

A simulated stream is printed in real time and begins now. With --events and without --for it is
printed as fast as the reader takes it and begins ${DEFAULT_START}. --speed and --start say
otherwise. The same --seed, --rate and --start give the same bytes.
--replay prints as fast as the reader takes it unless --speed is given. It passes lines like these
through; messages of Jetstream v1 and v2 become such lines.
It stops after a whole line on Ctrl-C, and when its reader goes away.
Exit code 69: no server could be reached.`,
  options: {
    ...PLACES,
    protocol: { describe: 'Live: version of the Jetstream protocol, v1 or v2', parse: parseChoice('v1', 'v2'), default: 'v1' },
    collections: { describe: 'Live: only these collections, as app.bsky.feed.post,app.bsky.graph.* (default: all)', parse: parseCollections },
    endpoint: { describe: 'Live: WebSocket URL of the server, or several, by comma (default: the public ones)', parse: parseEndpoints },
    cursor: { describe: 'Live: begin there, in Unix microseconds, or with v2 a seq, or now (default: where the lake ends)', parse: parseCursor },
    idle: { describe: 'Live: give up a connection that has been silent for so long', parse: parseIdle, default: '30s' },
    simulate: { describe: 'Make events up: real mix and sizes, no network' },
    seed: { describe: 'Simulated: which stream; the same seed gives the same events', parse: parseCount(0), default: '1' },
    rate: { describe: "Simulated: events per second of the stream's own time", parse: parseRate, default: '1000' },
    start: { describe: 'Simulated: time of the first event, such as 2026-01-01T00:00:00Z (default: see below)', parse: parseStart },
    replay: { describe: 'Print the events of this file, plain or gzip; - is stdin', argument: 'FILE', parse: parseText },
    speed: { describe: 'Simulated, replayed: times as fast as it happened, or max (default: see below)', parse: parseSpeed },
    events: { describe: 'Stop after so many events', parse: parseCount(1) },
    for: { describe: "Stop after so long, as 30s (simulated or replayed: of the stream's own time)", parse: parseDuration },
  },
} as const satisfies Command<Options>

function parseCursor(text: string): number | 'now' {
  if (text === 'now') return text
  try {
    return parseCount(0)(text)
  } catch {
    throw new Error('now or a whole number >= 0')
  }
}

function parseEndpoints(text: string): URL[] {
  return text.split(',').map((part) => {
    const url = URL.canParse(part.trim()) ? new URL(part.trim()) : undefined
    if (!url || !/^wss?:$/.test(url.protocol) || url.hash !== '') {
      throw new Error('URLs such as wss://jetstream.us-east.bsky.network, separated by commas')
    }
    return url
  })
}

function parseCollections(text: string): string[] {
  const collections = text.split(',').map((part) => part.trim())
  if (!collections.every((part) => /^[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z0-9-]+)*(\.\*)?$/.test(part) && part.includes('.'))) {
    throw new Error('collections such as app.bsky.feed.post or app.bsky.graph.*, separated by commas')
  }
  return collections
}

function parseRate(text: string): number {
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN
  if (!(rate > 0 && rate <= MAX_RATE)) throw new Error(`a number of events per second > 0 and <= ${MAX_RATE}`)
  return rate
}

function parseSpeed(text: string): number {
  const speed = text === 'max' ? Infinity : /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN
  if (!(speed > 0)) throw new Error('a number > 0, or max')
  return speed
}

export function parseStart(text: string): number {
  const micros = parseMicros(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text)
  if (micros === undefined || micros < parseYear(2002) || micros >= parseYear(2200)) {
    throw new Error(`an instant from 2002 to 2199 such as ${DEFAULT_START}`)
  }
  return micros
}

function parseYear(year: number): number {
  return Date.UTC(year, 0) * 1000
}

function parseIdle(text: string): number {
  const ms = parseDuration(text)
  if (!(ms > 0 && ms < 2 ** 31)) throw new Error('a duration > 0 such as 30s')
  return ms
}
