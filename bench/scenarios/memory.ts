import { formatCount } from '../../src/quantity.ts'
import type { Scenario } from '../context.ts'
import { simulate, sluice } from '../context.ts'
import { measure } from '../process.ts'
import type { Row } from '../table.ts'
import { figure, goal, megabytes } from '../table.ts'

/** Of physical memory at the default roll, however long the stream. */
const LIMIT = 500e6

/** Peaks of a short and a long stream that differ by less than this share are the same. */
const SAME = 0.15

export const memory: Scenario = {
  name: 'memory',
  describe: 'peak memory of handle-stream after a short and a long stream',
  async run(bench) {
    const rows: Row[] = []
    let before: number | undefined
    for (const events of [bench.sizes.long / 20, bench.sizes.long]) {
      const { wall, usage } = await bench.inScratch((cwd) => measure([simulate(events), sluice('handle-stream')], { cwd }))
      const peak = usage[1]?.peak
      bench.say(`${formatCount(events)} simulated lines: peak ${megabytes(peak)}`)
      rows.push({
        what: '`bluesky --simulate \\| handle-stream`',
        input: `${formatCount(events)} lines`,
        result: `${figure(events / (wall / 1000))} lines/s`,
        peak: megabytes(peak),
        ...(peak === undefined ? {} : { goal: verdict(peak, before) }),
      })
      before = peak
    }
    return rows
  },
}

function verdict(peak: number, before: number | undefined): string {
  return before === undefined
    ? goal('under 500 MB', peak < LIMIT)
    : goal(`under 500 MB and as much as of fewer lines (${figure(peak / before)})`, peak < LIMIT && peak / before < 1 + SAME)
}
