import { createReadStream } from 'node:fs'
import { BLUESKY, DEFAULT_START, parseStart } from '../commands/bluesky.ts'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import { newestInLogs } from '../ingest/durable.ts'
import { checkLake } from '../lake/open.ts'
import { takeSnapshot } from '../lake/snapshot.ts'
import type { Values } from '../options.ts'
import type { LiveOptions } from '../source/live.ts'
import { DEFAULT_HOSTS, PATHS, printLive } from '../source/live.ts'
import { createOutput } from '../source/output.ts'
import { createPace, printSimulation, WALL_CLOCK } from '../source/pace.ts'
import { REWIND } from '../source/position.ts'
import { inflate, replay } from '../source/replay.ts'
import { createSimulator } from '../source/simulate.ts'
import { main } from './main.ts'
import { tell } from './stdio.ts'

await main(BLUESKY, run)

async function run(values: Values<(typeof BLUESKY)['options']>, positionals: string[]): Promise<number> {
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
      say: (sentence) => tell(`bluesky: ${sentence}\n`),
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
async function endOfLake({ lake, state }: Values<(typeof BLUESKY)['options']>): Promise<number | undefined> {
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
  tell(`bluesky: resuming where the lake ends, ${new Date(newest / 1000).toISOString()}\n`)
  return newest - REWIND
}
