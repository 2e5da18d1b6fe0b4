import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatCount } from '../../src/quantity.ts'
import type { Bench, Scenario } from '../context.ts'
import { peer, ROOT, simulate, sluice } from '../context.ts'
import { MARTS, writeDbtProject } from '../marts.ts'
import type { Command, Measured } from '../process.ts'
import { bytesBelow, measure, run, settle } from '../process.ts'
import { installed, preparePython } from '../python.ts'
import type { Row } from '../table.ts'
import { figure, goal, median, megabytes, range, spread } from '../table.ts'

/** Events of ten seconds. */
const BATCH = 10_000

/** Histories above this are for `periodic` alone: the lines of 10 M are 5 GB. */
const ALL = 10_000_000

/** Every history ends there: the open hour holds the same share of each, 1,000 s. */
const END = Date.UTC(2026, 0, 3, 0, 16, 40)

const FULL_RUNS = 3

interface Way {
  what: string
  command(lines: readonly string[]): Command
  /** Where it runs, and writes its results into `metrics/`, in a history's directory. */
  place: string
}

const PERIODIC: Way = {
  what: '`periodic`, 10 s of stream after the last',
  command: () => sluice('periodic', '--queries', join(ROOT, 'queries')),
  place: '.',
}

const FULL: Way = {
  what: '`periodic --full`',
  command: () => sluice('periodic', '--queries', join(ROOT, 'queries'), '--full'),
  place: '.',
}

const DBT: Way = {
  what: '`dbt run`, dbt-duckdb over the same lake, four of its metrics',
  command: () => installed('dbt', '--quiet', 'run', '--profiles-dir', '.'),
  place: 'dbt',
}

const NDJSON: Way = {
  what: 'DuckDB, these four from the lines themselves',
  command: (lines) => peer('marts', 'metrics', ...lines),
  place: 'lines',
}

/** A lake with its events, what is asked of it, and what came of that. */
interface History {
  events: number
  cwd: string
  ways: Way[]
  /** Files of its lines, for those who read them. */
  lines: string[]
  measured: Map<Way, Measured[]>
}

export const dbt: Scenario = {
  name: 'dbt',
  describe: 'the metrics when ten seconds more have come: periodic, dbt-duckdb, DuckDB over all lines',
  async run(bench) {
    const python = await preparePython('requirements-dbt.txt')
    if ('missing' in python) bench.say(`no dbt: ${python.missing}`)
    return bench.inScratch(async (scratch) => {
      const histories: History[] = []
      for (const events of bench.sizes.histories) {
        const ways = [PERIODIC, ...(events > ALL ? [] : [...('missing' in python ? [] : [DBT]), NDJSON])]
        histories.push(await prepare(ways, events, join(scratch, String(events)), bench))
      }
      // In turn: an hour of the machine may be twice as slow as the next.
      for (let round = 0; round < bench.sizes.rounds; round++) {
        for (const history of histories) await tenSeconds(history, round, bench)
      }
      for (const history of histories) await compute(history, bench)
      return histories.flatMap((history) => [...history.measured].map(([way, runs]): Row => ({
        ...rowOf(way, history.events, runs),
        ...(way === PERIODIC ? { goal: verdict(history, histories[0] as History) } : {}),
      })))
    })
  },
}

async function prepare(ways: Way[], events: number, cwd: string, bench: Bench): Promise<History> {
  const lines: string[] = []
  await mkdir(cwd)
  await build(events, cwd, ways.includes(NDJSON) ? lines : undefined)
  bench.say(`a lake of ${formatCount(events)} events, ${megabytes(await bytesBelow(join(cwd, 'lake'), '.parquet'))}`)
  for (const { place } of ways) await mkdir(join(cwd, place, 'metrics'), { recursive: true })
  if (ways.includes(DBT)) await writeDbtProject(join(cwd, DBT.place), join(cwd, 'lake'))
  const history = { events, cwd, ways, lines, measured: new Map(ways.map((way): [Way, Measured[]] => [way, []])) }
  // The first run of each finds nothing that it left itself.
  for (const way of ways) await once(way, history, bench)
  return history
}

async function once(way: Way, { events, cwd, lines }: History, bench: Bench): Promise<Measured> {
  const result = await measure([way.command(lines)], { cwd: join(cwd, way.place) })
  bench.say(`${formatCount(events)} events: ${way.what}: ${figure(result.wall / 1000)} s`)
  return result
}

/** All ways, when ten seconds more have come. */
async function tenSeconds(history: History, round: number, bench: Bench): Promise<void> {
  const { cwd, ways, lines, measured } = history
  await append(round, cwd, ways.includes(NDJSON) ? lines : undefined)
  await settle()
  for (const way of ways) measured.get(way)?.push(await once(way, history, bench))
  const expected = await results(PERIODIC, cwd)
  for (const way of ways) assert.deepEqual(await results(way, cwd), expected, `${way.what} says what periodic says`)
}

/** All anew, which must say what the others said. */
async function compute(history: History, bench: Bench): Promise<void> {
  const expected = await results(PERIODIC, history.cwd)
  const runs = []
  for (let round = 0; round < Math.min(FULL_RUNS, bench.sizes.rounds); round++) runs.push(await once(FULL, history, bench))
  history.measured.set(FULL, runs)
  assert.deepEqual(await results(FULL, history.cwd), expected, 'a full run says what the others said')
}

/** A compacted lake, and its lines in a file where they are wanted. */
async function build(events: number, cwd: string, lines: string[] | undefined): Promise<void> {
  const stream = simulate(events, new Date(END - events))
  if (lines === undefined) {
    await measure([stream, sluice('handle-stream')], { cwd })
  } else {
    await measure([stream], { cwd, into: join(cwd, 'lines.ndjson') })
    await measure([['cat', 'lines.ndjson'], sluice('handle-stream')], { cwd })
    lines.push(join(cwd, 'lines.ndjson'))
  }
  // The second run takes away what the first has replaced.
  for (const grace of ['60s', '0s']) await run(sluice('sluice', 'compact', '--grace', grace), cwd)
}

/** The next ten seconds of the stream, committed. */
async function append(round: number, cwd: string, lines: string[] | undefined): Promise<void> {
  const batch = join(cwd, `batch-${round}.ndjson`)
  await measure([simulate(BATCH, new Date(END + round * BATCH))], { cwd, into: batch })
  await measure([['cat', batch], sluice('handle-stream')], { cwd })
  lines?.push(batch)
}

async function results({ place }: Way, cwd: string): Promise<string[]> {
  return Promise.all(MARTS.map((name) => readFile(join(cwd, place, 'metrics', `${name}.csv`), 'utf8')))
}

function rowOf({ what }: Way, events: number, runs: readonly Measured[]): Row {
  const seconds = spread(runs.map(({ wall }) => wall / 1000))
  const peaks = runs.flatMap(({ usage }) => usage[0]?.peak ?? [])
  return {
    what,
    input: `${formatCount(events)} events`,
    result: `${figure(seconds.median)} s`,
    range: range(seconds),
    ...(peaks.length === 0 ? {} : { peak: megabytes(Math.max(...peaks)) }),
  }
}

function verdict(history: History, first: History): string {
  const walls = ({ measured }: History): number[] => (measured.get(PERIODIC) ?? []).map(({ wall }) => wall)
  const seconds = median(walls(history)) / 1000
  if (history === first) return goal('under 1 s', seconds < 1)
  const ratio = median(walls(history).map((wall, round) => wall / (walls(first)[round] as number)))
  return goal(`under 1 s, and at most 1.5 × that of the shortest history (${figure(ratio)})`, seconds < 1 && ratio <= 1.5)
}
