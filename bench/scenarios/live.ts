import { join } from 'node:path'
import { openEngine, quote } from '../../src/duckdb.ts'
import type { Scenario } from '../context.ts'
import { sluice } from '../context.ts'
import { measure } from '../process.ts'
import { figure, goal, megabytes, range, spread } from '../table.ts'

/** What the live network sends at busy times, events a second. */
const RATE = 1500

/** The default of --roll-seconds, ms. At RATE no other limit comes first. */
const ROLL = 10_000

/** A line of `handle-stream --json`, as far as it is read here. */
interface Committed {
  path: string
  segment: string
  committed: string
}

export const live: Scenario = {
  name: 'live',
  describe: `CPU and delay of handle-stream at ${RATE} events a second`,
  async run(bench) {
    const { live } = bench.sizes
    return bench.inScratch(async (cwd) => {
      const source = sluice('bluesky', '--simulate', '--rate', String(RATE), '--for', `${live}s`)
      const { usage, stdout } = await measure([source, sluice('handle-stream', '--json')], { cwd })
      const files = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Committed)
      // The first events wait in the pipe for the process to start, and the end of the stream rolls the last ones before they are due.
      const late = (await delays(files, cwd)).slice(1, -1)
      const { peak, cpu, elapsed } = usage[1] ?? { peak: undefined, cpu: undefined, elapsed: NaN }
      const load = cpu === undefined ? undefined : cpu / elapsed
      const input = `${RATE} events/s, ${live} s`
      bench.say(`live: ${load === undefined ? '' : `${figure(load * 100)} % of a core, `}rolls late by ${late.map(figure).join(', ')} s`)
      return [
        {
          what: '`handle-stream`, live: share of one core, start included',
          input,
          result: load === undefined ? 'no /proc here' : `${figure(load * 100)} %`,
          peak: megabytes(peak),
          ...(load === undefined ? {} : { goal: goal('under 10 %', load < 0.1) }),
        },
        {
          what: '`handle-stream`, live: first event of a roll, from when the roll is due until it is in the lake',
          input,
          ...(late.length === 0
            ? { result: 'no roll was due' }
            : { result: `${figure(spread(late).median)} s`, range: range(spread(late)), goal: goal('at most 1 s', spread(late).most <= 1) }),
        },
      ]
    })
  },
}

/**
 * For each segment in order, how long after the roll of its first event was due it was committed, seconds.
 * A simulated event's time is when it was sent.
 */
async function delays(files: readonly Committed[], cwd: string): Promise<number[]> {
  const engine = await openEngine()
  const session = await engine.connect()
  const late: number[] = []
  for (const segment of [...new Set(files.map(({ segment }) => segment))].sort()) {
    const parts = files.filter((file) => file.segment === segment)
    const list = parts.map(({ path }) => quote(join(cwd, path))).join(', ')
    const [row] = await session.rows<{ first: Date }>(`SELECT min(event_time) AS first FROM read_parquet([${list}])`)
    const committed = Math.max(...parts.map((file) => Date.parse(file.committed)))
    const delay = (committed - (row?.first.getTime() ?? NaN) - ROLL) / 1000
    if (Number.isNaN(delay)) throw new Error(`expected times of commit, got ${JSON.stringify(parts)}`)
    late.push(delay)
  }
  session.close()
  engine.close()
  return late
}
