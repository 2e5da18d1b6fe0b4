import { join } from 'node:path'
import { formatCount } from '../../src/quantity.ts'
import type { Scenario } from '../context.ts'
import { peer, ROOT, sluice } from '../context.ts'
import { bytesBelow, measure, run } from '../process.ts'
import { figure, goal, megabytes, range, spread } from '../table.ts'

const RUNS = 5

export const periodic: Scenario = {
  name: 'periodic',
  describe: 'one run of every model over compacted files',
  async run(bench) {
    const { events } = bench.sizes
    const input = await bench.input(events)
    return bench.inScratch(async (cwd) => {
      await run(peer('copy', input, 'template.ndjson', 'events.parquet'), cwd)
      await run(peer('compacted', 'events.parquet', 'lake'), cwd)
      const command = sluice('periodic', '--queries', join(ROOT, 'queries'), '--json')
      await run(command, cwd)
      const runs = []
      for (let round = 0; round < RUNS; round++) {
        const measured = await measure([command], { cwd })
        bench.say(`periodic: ${figure(measured.wall / 1000)} s (${slowest(measured.stdout)})`)
        runs.push(measured)
      }
      const seconds = spread(runs.map(({ wall }) => wall / 1000))
      const peaks = runs.flatMap(({ usage }) => usage[0]?.peak ?? [])
      return [
        {
          what: '`periodic` over compacted files, hot',
          input: `${formatCount(events)} events`,
          result: `${figure(seconds.median)} s`,
          range: range(seconds),
          ...(peaks.length === 0 ? {} : { peak: megabytes(Math.max(...peaks)) }),
          output: `lake of ${megabytes(await bytesBelow(join(cwd, 'lake'), '.parquet'))}`,
          ...(events < 10e6 ? {} : { goal: goal('under 2 s', seconds.median < 2) }),
        },
      ]
    })
  },
}

/** From what --json prints: a line for each model, and one for the run. */
function slowest(lines: string): string {
  const models = lines.split('\n').filter(Boolean).map((line) => JSON.parse(line) as { model?: string; ms: number })
  const named = models.flatMap(({ model, ms }) => (model === undefined ? [] : { model, ms })).sort((a, b) => b.ms - a.ms)
  return named.slice(0, 3).map(({ model, ms }) => `${model} ${ms} ms`).join(', ')
}
