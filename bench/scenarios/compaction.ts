import { join } from 'node:path'
import { formatCount } from '../../src/quantity.ts'
import type { Bench, Scenario } from '../context.ts'
import { peer, sluice } from '../context.ts'
import type { Command } from '../process.ts'
import { bytesBelow, measure, run, settle } from '../process.ts'
import type { Row } from '../table.ts'
import { figure, goal, megabytes, range, spread } from '../table.ts'

/** An hour of the simulated stream, as `handle-stream` leaves it at its defaults. */
const HOUR = { full: 3_600_000, quick: 360_000 }

/** Files for the queries: as many as a few hours of a live stream, and the same of fewer events. */
const FILES = { full: 2000, quick: 400 }

const START = '2026-01-01T00:00:00Z'

export const compaction: Scenario = {
  name: 'compaction',
  describe: 'merging an hour against the COPY of the same rows; queries before and after',
  run: async (bench) => [...(await merging(bench)), ...(await querying(bench))],
}

async function merging(bench: Bench): Promise<Row[]> {
  const events = bench.quick ? HOUR.quick : HOUR.full
  return bench.inScratch(async (cwd) => {
    await fill(cwd, { events, hours: 1, rows: 25_000 })
    const hour = 'lake/date=2026-01-01/hour=00'
    const files = Number((await run(['sh', '-c', `ls ${hour}/0 | wc -l`], cwd)).trim())
    const rounds: { ours: Run; copy: Run }[] = []
    for (let round = 0; round < bench.sizes.rounds; round++) {
      const once = {
        ours: () => time(bench, cwd, 'ours', sluice('sluice', 'compact', '--seal-after', '0s'), `${hour}/1`),
        copy: () => time(bench, cwd, 'copy', peer('merge', hour, 'merged.parquet'), '.'),
      }
      // Now the one first, now the other.
      const ours = round % 2 === 0 ? await once.ours() : undefined
      const copy = await once.copy()
      rounds.push({ ours: ours ?? (await once.ours()), copy })
      bench.say(`compaction: ${rounds.slice(-1).map(({ ours, copy }) => `${figure(ours.seconds)} s, the COPY ${figure(copy.seconds)} s`).join()}`)
    }
    const ratios = spread(rounds.map(({ ours, copy }) => copy.seconds / ours.seconds))
    const row = (what: string, of: 'ours' | 'copy'): Row => {
      const rates = spread(rounds.map((round) => events / round[of].seconds))
      return {
        what,
        input: `${formatCount(events)} events in ${files} files`,
        result: `${figure(rates.median)} events/s`,
        range: range(rates),
        peak: megabytes(Math.max(...rounds.map((round) => round[of].peak ?? 0))),
        output: `${figure((rounds[0]?.[of].bytes ?? NaN) / events)} B/event`,
      }
    }
    return [
      { ...row('DuckDB, COPY of the files of an hour, sorted', 'copy'), ratio: '1' },
      {
        ...row('`sluice compact` of that hour', 'ours'),
        ratio: `${figure(ratios.median)} (${range(ratios)})`,
        goal: goal('≥ 0.9 of the COPY', ratios.median >= 0.9),
      },
    ]
  })
}

interface Run {
  seconds: number
  peak: number | undefined
  bytes: number
}

/** Runs a command on a copy of the lake whose files are the same ones. */
async function time(bench: Bench, from: string, name: string, command: Command, output: string): Promise<Run> {
  return bench.inScratch(async (cwd) => {
    await run(['cp', '-al', join(from, 'lake'), cwd], cwd)
    await settle()
    const { wall, usage } = await measure([command], { cwd })
    const bytes = await bytesBelow(join(cwd, output), output === '.' ? 'merged.parquet' : '.parquet')
    if (bytes === 0) throw new Error(`expected ${name} to write into ${output}, got nothing`)
    return { seconds: wall / 1000, peak: usage[0]?.peak, bytes }
  })
}

async function querying(bench: Bench): Promise<Row[]> {
  const files = bench.quick ? FILES.quick : FILES.full
  const events = bench.quick ? 200_000 : 4_000_000
  return bench.inScratch(async (cwd) => {
    await fill(cwd, { events, hours: 4, rows: events / files })
    const count = Number((await run(['sh', '-c', "find lake -name '*.parquet' | wc -l"], cwd)).trim())
    const times = bench.quick ? '5' : '11'
    const before = JSON.parse(await run(peer('queries', 'lake', times), cwd)) as Record<string, number>
    await run(sluice('sluice', 'compact', '--seal-after', '0s'), cwd)
    const left = Number((await run(['sh', '-c', "find lake -name '*.parquet' | wc -l"], cwd)).trim())
    const after = JSON.parse(await run(peer('queries', 'lake', times), cwd)) as Record<string, number>
    const names: Record<string, string> = { count: 'count', likes: 'likes per minute', words: 'a word in posts' }
    return Object.entries(names).map(([key, name]) => ({
      what: `${name}, hot, after compaction into ${left} files, against before`,
      input: `${formatCount(events)} events in ${formatCount(count)} files`,
      result: `${figure(after[key] as number)} ms, before ${figure(before[key] as number)} ms`,
      ratio: `${figure((before[key] as number) / (after[key] as number))} times as fast`,
    }))
  })
}

async function fill(cwd: string, { events, hours, rows }: { events: number; hours: number; rows: number }): Promise<void> {
  const rate = events / (hours * 3600)
  // A second more than the hours, so that they are over.
  const stream = ['--events', String(Math.ceil(events + rate)), '--rate', String(rate), '--start', START]
  await measure([sluice('bluesky', '--simulate', '--seed', '1', ...stream), sluice('handle-stream', '--roll-rows', String(rows), '--roll-seconds', '1h')], { cwd })
}
