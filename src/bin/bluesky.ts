import { createReadStream } from 'node:fs'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import { newestInLogs } from '../ingest/durable.ts'
import { checkLake } from '../lake/open.ts'
import { takeSnapshot } from '../lake/snapshot.ts'
import type { Values } from '../options.ts'
import { PLACES } from '../places.ts'
import { parseChoice, parseCount, parseDuration, parseText } from '../quantity.ts'
import { parseMicros } from '../source/instant.ts'
import type { LiveOptions } from '../source/live.ts'
import { DEFAULT_HOSTS, PATHS, printLive } from '../source/live.ts'
import { createOutput } from '../source/output.ts'
import { createPace, printSimulation, WALL_CLOCK } from '../source/pace.ts'
import { REWIND } from '../source/position.ts'
import { inflate, replay } from '../source/replay.ts'
import { createSimulator } from '../source/simulate.ts'
import { main } from './main.ts'

/** Where a simulated stream begins that is not printed in real time: the same bytes on every day. */
const DEFAULT_START = '2026-01-01T00:00:00Z'
const MAX_RATE = 1_000_000

const command = {
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
    replay: { describe: 'Print the events of this file, plain or gzip; - is stdin', parse: parseText },
    speed: { describe: 'Simulated, replayed: times as fast as it happened, or max (default: see below)', parse: parseSpeed },
    events: { describe: 'Stop after so many events', parse: parseCount(1) },
    for: { describe: "Stop after so long, as 30s (simulated or replayed: of the stream's own time)", parse: parseDuration },
  },
} as const

await main(command, run)

async function run(values: Values<(typeof command)['options']>, positionals: string[]): Promise<number> {
  if (positionals.length > 0) throw new Failure(`unexpected argument \`${positionals[0]}\`; see 'bluesky --help'`, EXIT.usage)
  if (values.simulate && values.replay !== undefined) {
    throw new Failure("expected --simulate or --replay, got both; see 'bluesky --help'", EXIT.usage)
  }
  const stop = new AbortController()
  // Once: a second signal finds no listener and ends the process on the spot.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  const output = createOutput(1)
  try {
    if (values.simulate) await simulate(values, stop.signal)
    else if (values.replay !== undefined) await replayFile(values.replay, values, stop.signal)
    else await live(values, stop.signal)
  } catch (error) {
    if (codeOf(error) === 'EPIPE') return 0
    if (error instanceof Error && 'syscall' in error && error.syscall === 'write') {
      throw new Failure(`cannot write to stdout: ${messageOf(error)}; what was written ends there`, EXIT.io)
    }
    throw error
  }
  return 0

  async function simulate({ seed, rate, start, speed, events, for: duration }: typeof values, signal: AbortSignal): Promise<void> {
    const pacing = speed ?? (events !== undefined && duration === undefined ? Infinity : 1)
    const from = start ?? (pacing === Infinity ? parseStart(DEFAULT_START) : Date.now() * 1000)
    await printSimulation(
      createSimulator({ seed, rate, start: from }),
      output,
      { until: from + (duration ?? Infinity) * 1000, events: events ?? Infinity },
      pacing === Infinity ? undefined : createPace(from, pacing, WALL_CLOCK),
      signal,
    )
  }

  async function replayFile(file: string, { speed, events, for: duration }: typeof values, signal: AbortSignal): Promise<void> {
    const input = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 18 })
    signal.addEventListener('abort', () => input.destroy())
    const limits = { events: events ?? Infinity, duration: (duration ?? Infinity) * 1000 }
    try {
      await replay(inflate(input), output, limits, speed === Infinity ? undefined : speed, WALL_CLOCK, signal)
    } catch (error) {
      if (signal.aborted && codeOf(error) !== 'EPIPE') return
      const syscall = error instanceof Error && 'syscall' in error ? error.syscall : undefined
      const reading = (syscall !== undefined && syscall !== 'write') || codeOf(error)?.startsWith('Z_')
      if (!reading) throw error
      const advice =
        syscall === undefined ? 'it is cut short or damaged, and what came before has been printed' : 'expected a file of events, or - for stdin'
      throw new Failure(`cannot read ${file === '-' ? 'stdin' : file}: ${messageOf(error)}; ${advice}`, EXIT.io)
    } finally {
      input.destroy()
    }
  }

  async function live({ protocol, collections, cursor, idle, events, ...rest }: typeof values, signal: AbortSignal): Promise<void> {
    const endpoints = rest.endpoint ?? DEFAULT_HOSTS[protocol].map((host) => new URL(`wss://${host}`))
    const options: LiveOptions = {
      protocol,
      collections: collections ?? [],
      cursor: cursor === 'now' ? undefined : (cursor ?? (await endOfLake(values))),
      idle,
      endpoints: endpoints.map((url) => (url.pathname === '/' ? new URL(PATHS[protocol] + url.search, url).href : url.href)),
      events: events ?? Infinity,
      duration: rest.for ?? Infinity,
    }
    await printLive(options, {
      output,
      say: (sentence) => process.stderr.write(`bluesky: ${sentence}\n`),
      clock: WALL_CLOCK,
      today: () => Date.now() * 1000,
      random: Math.random,
      signal,
    })
  }
}

/**
 * Up to when events are durable, Unix µs, less what a server may say out of order: handle-stream drops the repetitions.
 * Logs first: a segment that vanishes after that is in the lake.
 */
async function endOfLake({ lake, state }: Values<(typeof command)['options']>): Promise<number | undefined> {
  await checkLake({ lake, state })
  const inLogs = await newestInLogs(state)
  const snapshot = await takeSnapshot(lake)
  let inLake: number | undefined
  if (snapshot.files.length > 0) {
    // Only here: with DuckDB, a start takes 1.2 times as long.
    const [{ openEngine }, { newestEvent }] = await Promise.all([import('../duckdb.ts'), import('../lake/maintain.ts')])
    const engine = await openEngine({ threads: 1 })
    const session = await engine.connect()
    inLake = await newestEvent(session, lake)
    session.close()
    engine.close()
  }
  const newest = Math.max(inLogs ?? 0, (inLake ?? 0) * 1000)
  if (newest === 0) return undefined
  process.stderr.write(`bluesky: resuming where the lake ends, ${new Date(newest / 1000).toISOString()}\n`)
  return newest - REWIND
}

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

function parseStart(text: string): number {
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
