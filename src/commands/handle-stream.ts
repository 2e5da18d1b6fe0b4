// What handle-stream takes and what its help says; read by bin/handle-stream.ts.
import type { Durability } from '../ingest/wal.ts'
import type { Command, Options } from '../options.ts'
import { parseBytes, parseChoice, parseCount, parseDuration, parseZone } from '../quantity.ts'
import { PLACES } from './shared.ts'

const options = {
  ...PLACES,
  rollSeconds: { describe: 'Commit what was read at least this often', parse: parseDuration, default: '10s' },
  rollRows: { describe: 'Commit after this many lines', parse: parseCount(1), default: '25000' },
  rollBytes: { describe: 'Commit after this many bytes of input', parse: parseBytes, default: '32MB' },
  writer: { describe: 'What writes Parquet: duckdb or parquetjs (pure JavaScript, slower)', parse: parseChoice('duckdb', 'parquetjs'), default: 'duckdb' },
  compression: { describe: 'zstd, snappy, gzip or uncompressed', parse: parseChoice('zstd', 'snappy', 'gzip', 'uncompressed') },
  timezone: { describe: 'Time zone of timestamps that name none', parse: parseZone, default: 'UTC' },
  durability: {
    describe: 'process: survives any kill of this process; power or power:200ms: survives power loss, but for the last second or 200 ms',
    parse: parseDurability,
    default: 'process',
  },
  json: { describe: 'Print one line of JSON on stdout for each file committed' },
}

/** What `handle-stream` takes, and its help. */
export const HANDLE_STREAM = {
  name: 'handle-stream',
  summary: 'Reads events as NDJSON from stdin and rolls them into a lake of time-partitioned Parquet.',
  epilogue: [
    'Lines may be those of ./bluesky, Jetstream v1 or Jetstream v2, in any mixture. What is no event is kept',
    "with its reason: see 'sluice rejects'. At the end of the input, on SIGINT, SIGTERM or SIGHUP, everything read is committed.",
    '',
    'Example: ./bluesky | ./handle-stream',
  ].join('\n'),
  options,
} satisfies Command<Options>

function parseDurability(text: string): Durability {
  const [kind, interval] = text.split(/:(.*)/)
  if (kind === 'process' && interval === undefined) return { kind }
  if (kind === 'power') return { kind, interval: interval === undefined ? 1000 : parseDuration(interval) }
  throw new Error('process, power or power:INTERVAL such as power:200ms')
}
