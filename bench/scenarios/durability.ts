import { formatCount } from '../../src/quantity.ts'
import type { Scenario } from '../context.ts'
import { sluice } from '../context.ts'
import { measure } from '../process.ts'
import { figure, range, spread } from '../table.ts'

export const durability: Scenario = {
  name: 'durability',
  describe: 'handle-stream safe from power loss against safe from kills',
  async run(bench) {
    const events = Math.min(bench.sizes.events, 2_000_000)
    const input = await bench.input(bench.sizes.events)
    const seconds = async (kind: string): Promise<number> => {
      const command = sluice('handle-stream', '--durability', kind)
      return bench.inScratch(async (cwd) => (await measure([['head', '-n', String(events), input], command], { cwd })).wall / 1000)
    }
    const rounds: { process: number; power: number }[] = []
    for (let round = 0; round < bench.sizes.rounds; round++) {
      const first = round % 2 === 0 ? await seconds('process') : undefined
      const power = await seconds('power')
      rounds.push({ process: first ?? (await seconds('process')), power })
    }
    const ratios = spread(rounds.map(({ process, power }) => process / power))
    bench.say(`durability: ${range(ratios)}`)
    const rates = spread(rounds.map(({ power }) => events / power))
    return [
      {
        what: `\`handle-stream --durability power\`, ${figure(ratios.median)} (${range(ratios)}) of the rate of \`process\``,
        input: `${formatCount(events)} lines`,
        result: `${figure(rates.median)} lines/s`,
        range: range(rates),
      },
    ]
  },
}
