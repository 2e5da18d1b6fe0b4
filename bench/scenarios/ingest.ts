import { formatCount } from '../../src/quantity.ts'
import type { Bench, Scenario } from '../context.ts'
import { peer, sluice } from '../context.ts'
import type { Command } from '../process.ts'
import { bytesBelow, measure } from '../process.ts'
import { preparePython, python } from '../python.ts'
import { rowsBelow } from '../rows.ts'
import type { Row } from '../table.ts'
import { figure, goal, megabytes, median, range, spread } from '../table.ts'

/** A way from a file of lines to one or more files with their columns. */
interface Contender {
  what: string
  /** Lines it gets at most, absent: all. Slow ones get few, so that every one takes seconds. */
  lines?: { full: number; quick: number }
  /** Reads lines from stdin unless it takes the path of the input, and writes below `.`, its working directory. */
  command(input: string, lines: number): Command
  reads?: 'file'
  writes: '.parquet' | '.duckdb'
  python?: true
  /** More to say about a run, from what it printed. */
  remark?(stdout: string): string
}

const COPY: Contender = {
  what: 'DuckDB, one-shot COPY of the file',
  command: (input) => peer('copy', input, 'template.ndjson', 'events.parquet'),
  reads: 'file',
  writes: '.parquet',
}

const OURS: Contender = {
  what: '`handle-stream`',
  command: () => sluice('handle-stream'),
  writes: '.parquet',
}

const PARQUETJS: Contender = {
  what: '`handle-stream --writer parquetjs`',
  lines: { full: 300_000, quick: 30_000 },
  command: () => sluice('handle-stream', '--writer', 'parquetjs'),
  writes: '.parquet',
}

const LITE: Contender = {
  what: 'JSON.parse and parquetjs-lite, SNAPPY',
  lines: { full: 200_000, quick: 20_000 },
  command: () => peer('parquetjs', '.'),
  writes: '.parquet',
}

const CONTENDERS: Contender[] = [
  COPY,
  OURS,
  PARQUETJS,
  LITE,
  {
    what: 'JSON.parse and hyparquet-writer',
    lines: { full: 500_000, quick: 50_000 },
    command: () => peer('hyparquet', '.'),
    writes: '.parquet',
  },
  {
    what: 'json.loads and pyarrow',
    lines: { full: 500_000, quick: 50_000 },
    command: () => python('pyarrow_rows', 'events.parquet'),
    writes: '.parquet',
    python: true,
  },
  {
    what: 'pyarrow.json, without record and subject',
    lines: { full: 1_000_000, quick: 100_000 },
    command: () => python('pyarrow_json', 'events.parquet'),
    writes: '.parquet',
    python: true,
  },
  {
    what: 'before: one INSERT per line into a DuckDB file',
    lines: { full: 5_000, quick: 1_000 },
    command: () => python('insert', 'events.duckdb'),
    writes: '.duckdb',
    python: true,
  },
  {
    what: 'before: import of the whole growing file, 10 times',
    lines: { full: 500_000, quick: 50_000 },
    command: (_, lines) => python('reimport', 'files', String(lines)),
    writes: '.duckdb',
    python: true,
    remark(stdout) {
      const seconds = JSON.parse(stdout) as number[]
      return ` (first ${figure(seconds[0] as number)} s, last ${figure(seconds.at(-1) as number)} s)`
    },
  },
]

/** What one contender did in one round. */
interface Run {
  lines: number
  /** Lines a second. */
  rate: number
  peak: number | undefined
  bytes: number
  remark: string
}

export const ingest: Scenario = {
  name: 'ingest',
  describe: 'lines to Parquet: both writers, the one-shot COPY, other ways',
  async run(bench) {
    const python = await preparePython()
    if ('missing' in python) bench.say(`no Python: ${python.missing}`)
    const all = CONTENDERS.map((one) => (one.python && 'version' in python ? { ...one, what: `Python ${python.version}, ${one.what}` } : one))
    const contenders = all.filter((one) => !one.python || 'version' in python)
    const rounds: Map<Contender, Run>[] = []
    for (let round = 0; round < bench.sizes.rounds; round++) {
      const runs = new Map<Contender, Run>()
      // Each round begins with another one, so that none always comes after the same.
      for (const contender of [...contenders.slice(round % contenders.length), ...contenders.slice(0, round % contenders.length)]) {
        try {
          const run = await runOf(contender, bench)
          bench.say(`round ${round + 1}: ${contender.what}: ${figure(run.rate)} lines/s, ${megabytes(run.peak)}`)
          runs.set(contender, run)
        } catch (error) {
          bench.say(`round ${round + 1}: ${contender.what}: ${(error as Error).message}`)
        }
      }
      rounds.push(runs)
    }
    return all.map((contender) =>
      contenders.includes(contender) ? rowOf(contender, rounds) : { what: `Python, ${contender.what}`, result: 'not measured: no Python' },
    )
  },
}

async function runOf(contender: Contender, bench: Bench): Promise<Run> {
  const lines = Math.min(bench.sizes.events, contender.lines?.[bench.quick ? 'quick' : 'full'] ?? Infinity)
  const input = await bench.input(bench.sizes.events)
  const feed: Command = lines < bench.sizes.events ? ['head', '-n', String(lines), input] : ['cat', input]
  const command = contender.command(input, lines)
  return bench.inScratch(async (cwd) => {
    const { wall, usage, stdout } = await measure(contender.reads === 'file' ? [command] : [feed, command], { cwd })
    const rows = contender.writes === '.parquet' ? await rowsBelow(cwd) : lines
    if (rows !== lines) throw new Error(`expected ${lines} rows, got ${rows}: no figure for other work`)
    return {
      lines,
      rate: lines / (wall / 1000),
      peak: usage.at(-1)?.peak,
      bytes: await bytesBelow(cwd, contender.writes),
      remark: contender.remark?.(stdout) ?? '',
    }
  })
}

function rowOf(contender: Contender, rounds: readonly Map<Contender, Run>[]): Row {
  const of = (one: Contender): Run[] => rounds.flatMap((runs) => runs.get(one) ?? [])
  const runs = of(contender)
  const last = runs.at(-1)
  if (last === undefined || runs.length < rounds.length) return { what: contender.what, result: 'failed' }
  const rates = spread(runs.map(({ rate }) => rate))
  const ratios = rounds.flatMap((round) => {
    const [mine, limit] = [round.get(contender), round.get(COPY)]
    return mine && limit ? [mine.rate / limit.rate] : []
  })
  const perLine = (one: Contender): number => median(of(one).map(({ bytes, lines }) => bytes / lines))
  const ratio = ratios.length === 0 ? undefined : spread(ratios)
  const peaks = runs.flatMap(({ peak }) => peak ?? [])
  return {
    what: `${contender.what}${last.remark}`,
    input: `${formatCount(last.lines)} lines`,
    result: `${figure(rates.median)} lines/s`,
    range: range(rates),
    ...(ratio === undefined ? {} : { ratio: contender === COPY ? '1' : `${figure(ratio.median)} (${range(ratio)})` }),
    ...(peaks.length === 0 ? {} : { peak: megabytes(Math.max(...peaks)) }),
    output: `${figure(perLine(contender))} B/line`,
    ...(contender === OURS && ratio !== undefined ? { goal: goal('≥ 0.9 of the COPY', ratio.median >= 0.9) } : {}),
    ...(contender === LITE ? { goal: bytesGoal(perLine(OURS) / perLine(LITE)) } : {}),
  }
}

function bytesGoal(share: number): string {
  return Number.isNaN(share) ? '–' : goal(`bytes of handle-stream ≤ 0.45 of these (${figure(share)})`, share <= 0.45)
}
