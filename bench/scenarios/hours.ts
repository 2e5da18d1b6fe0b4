import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatCount } from '../../src/quantity.ts'
import type { Scenario } from '../context.ts'
import { peer, ROOT, simulate, sluice } from '../context.ts'
import type { Measured } from '../process.ts'
import { measure, run } from '../process.ts'
import type { Row } from '../table.ts'
import { figure, goal, megabytes } from '../table.ts'

/** Two years, and so many events in each of their hours. */
const HOURS = 730 * 24
const EACH = 100

export const hours: Scenario = {
  name: 'hours',
  describe: 'two years of hours with few events in each: the first run, the next, status, fsck --quick',
  async run(bench) {
    const count = bench.quick ? HOURS / 10 : HOURS
    return bench.inScratch(async (cwd) => {
      const input = await bench.input(Math.max(1000, count * EACH))
      await run(['sh', '-c', `${join(ROOT, 'handle-stream')} --lake source --state source-state < ${input} && rm source-state/wal -rf`], cwd)
      const { id } = JSON.parse(readFileSync(join(cwd, 'source-state/lake.json'), 'utf8')) as { id: string }
      await run(peer('hours', 'source/**/*.parquet', 'lake', id, String(count), String(EACH)), cwd)
      bench.say(`hours: a lake of ${formatCount(count)} hours is there`)
      const what = `${formatCount(count)} hours, ${formatCount(count * EACH)} events`
      const rows: Row[] = []
      const row = async (label: string, command: ReturnType<typeof sluice>, limit: number): Promise<void> => {
        const one: Measured = await measure([command], { cwd })
        const peak = one.usage[0]?.peak
        const within = one.wall <= limit * 1000
        rows.push({
          what: label, input: what, result: `${figure(one.wall / 1000)} s`, ...(peak === undefined ? {} : { peak: megabytes(peak) }),
          ...(bench.quick ? {} : { goal: goal(`${limit} s`, within) }),
        })
        bench.say(`hours: ${label} ${figure(one.wall / 1000)} s`)
      }
      const periodic = sluice('periodic', '--queries', join(ROOT, 'queries'), '--json')
      await row('`periodic`, the first run', periodic, 60)
      const kept = readdirSync(join(cwd, '.sluice/contributions')).map((model) => readdirSync(join(cwd, '.sluice/contributions', model)).filter((file) => file.endsWith('.parquet')).length)
      bench.say(`hours: ${kept.join(', ')} files are kept of the models`)
      await measure([simulate(10_000, new Date()), sluice('handle-stream')], { cwd })
      await row('`periodic`, after ten seconds more', periodic, 1.5)
      await row('`sluice status`', sluice('sluice', 'status'), 2)
      await row('`sluice fsck --quick`', sluice('sluice', 'fsck', '--quick'), 15)
      return rows
    })
  },
}
