import { join } from 'node:path'
import { isatty } from 'node:tty'
import { setFlagsFromString } from 'node:v8'
import { HANDLE_STREAM } from '../commands/handle-stream.ts'
import { EXIT, Failure } from '../failure.ts'
import { createPipeline, ingest, recover } from '../ingest/ingest.ts'
import { openInput } from '../ingest/input.ts'
import { count, emptyTally, statusLine } from '../ingest/status.ts'
import { openWal } from '../ingest/wal.ts'
import type { Compression, Writer } from '../ingest/writer.ts'
import { sameFilesystem } from '../lake/filesystem.ts'
import { explainGone } from '../lake/gone.ts'
import { formatWriter } from '../lake/names.ts'
import { openLake } from '../lake/open.ts'
import { PRIVATE } from '../lake/private.ts'
import { disk } from './disk.ts'
import { main } from './main.ts'
import { print, tell, tellOver } from './stdio.ts'

/** Its file descriptor. */
const STDIN = 0

/** On Ctrl-C the producer of the pipe ends too: read what it still says, for at most this long, ms. */
const DRAIN = 5_000

/**
 * What DuckDB's allocator reads when it is loaded. Conversions run on any of Node's four threads; left to itself each has an arena that keeps
 * for seconds what is free: a peak of 345 MB after 5 M lines. One arena that keeps it for 0.2 s: 280 to 290, in the same time; for 0 s: 250,
 * in 1.1 of the time.
 */
const ALLOCATOR = 'DUCKDB_JE_MALLOC_CONF'
const FRUGAL = 'narenas:1,dirty_decay_ms:200,muzzy_decay_ms:0'

/**
 * V8 doubles its young generation whenever as much as it holds has survived, counted from the last time it did: in a process that never ends
 * up to 48 MB, whatever is needed. It stays as it is here: after 20 M lines the heap has 13 MB instead of 28 to 45, for 2 % more work.
 */
const NO_GROWTH = '--semi-space-growth-factor=1'

setFlagsFromString(NO_GROWTH)
await main(
  HANDLE_STREAM,
  async (values) => {
    if (isatty(STDIN)) {
      tell('handle-stream: expected events on stdin, got a terminal\n')
      tell('usage: ./bluesky | ./handle-stream   (or: ./handle-stream < events.ndjson; ./handle-stream --help)\n')
      return EXIT.usage
    }
    const input = openInput(STDIN)
    // Before anything is made: a signal while we start ends us as one later does.
    let signals = 0
    const onSignal = (signal: NodeJS.Signals): void => {
      signals++
      if (signals > 1) {
        process.removeListener('SIGINT', onSignal)
        process.removeListener('SIGTERM', onSignal)
        process.removeListener('SIGHUP', onSignal)
        process.kill(process.pid, signal)
      } else if (signal === 'SIGINT') setTimeout(() => input.stop(), DRAIN).unref()
      else input.stop()
    }
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal)

    const { lake, state } = values
    const now = Date.now
    const say = (sentence: string): void => tell(`handle-stream: ${sentence}\n`)
    const id = await openLake({ lake, state, disk, say })
    await disk.makeDirectory(lake, 'places.make')
    await disk.makeDirectory(join(state, 'staging'), 'places.make', PRIVATE)
    await expectOneFilesystem(lake, state)

    const name = formatWriter(now(), Math.random())
    // The log first: what a writer without one has staged is removed by any recovery.
    const wal = await openWal(state, { writer: name, disk, now: now(), durability: values.durability })
    const writer = await openWriter(values, name)
    const tally = emptyTally()
    const started = now()
    const status = (): string => statusLine(tally, { elapsed: now() - started, now: now() })
    const place = { lake, state, id, disk, now, say }
    const pipeline = createPipeline(place, writer, {
      report(report) {
        count(tally, report)
        if (values.json) for (const file of report.files) print(`${JSON.stringify({ ...file, committed: new Date(now()).toISOString() })}\n`)
        tellOver(status())
      },
      failure: (error) => input.stop(error),
    })

    const { segments, swept } = await recover(place, () => Promise.resolve(writer))
    if (segments.length + swept > 0) tell(`handle-stream: recovered ${segments.length} segments that an earlier run left, removed ${swept} staged files\n`)

    try {
      await ingest(input, wal, pipeline, {
        roll: { after: values.rollSeconds, rows: values.rollRows, bytes: values.rollBytes },
        now,
        read: (lines) => void (tally.lines += lines),
      })
    } catch (error) {
      throw explainGone(error, { state, made: join(state, 'wal', name) })
    } finally {
      input.stop()
      await pipeline.settled().catch(() => {})
      await writer.close()
      await wal.close()
      if (process.stderr.isTTY) tell('\n')
    }
    if (tally.lines === 0) tell('handle-stream: the input had no lines\n')
  },
)

/** Imported when asked for: the one must not need DuckDB's binary, and the other has no use for parquetjs. */
async function openWriter(
  values: { writer: 'duckdb' | 'parquetjs'; compression: Compression | undefined; timezone: string; state: string },
  name: string,
): Promise<Writer> {
  const { compression, timezone } = values
  if (values.writer === 'parquetjs') {
    if (compression === 'zstd') throw new Failure('expected --compression snappy, gzip or uncompressed with --writer parquetjs, which has no `zstd`', EXIT.usage)
    const { javascriptWriter } = await import('../ingest/javascript.ts')
    return javascriptWriter({ compression: compression ?? 'snappy', timezone, disk })
  }
  process.env[ALLOCATOR] ??= FRUGAL
  const { duckdbWriter } = await import('../ingest/convert.ts')
  return duckdbWriter({ compression: compression ?? 'zstd', timezone, staging: join(values.state, 'staging'), name, disk })
}

async function expectOneFilesystem(lake: string, state: string): Promise<void> {
  if ((await sameFilesystem(lake, state)) !== false) return
  throw new Failure(`expected ${lake} and ${state} on one filesystem and one mount of it, since files move between them by rename; choose --state beside --lake`, EXIT.usage)
}
