import { SLUICE } from '../commands/sluice.ts'
import { EXIT } from '../failure.ts'
import { checkLake } from '../lake/open.ts'
import { trialLines } from '../query/json.ts'
import { countTrials, renderTrials } from '../query/trial-table.ts'
import type { Trial } from '../query/trial.ts'
import { tryAll } from '../query/trial.ts'
import { writeCsv } from '../sink/csv.ts'
import { main } from './main.ts'
import { print, tell } from './stdio.ts'

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.test,
    async ({ lake, state, queries, select: selectors, json }) => {
      const start = Date.now()
      await checkLake({ lake, state })
      const trials: Trial[] = []
      for await (const trial of tryAll({ lake, state, queries, selectors, write: writeCsv, now: Date.now })) trials.push(trial)
      const ms = Date.now() - start
      const { table, errors } = renderTrials(trials, { columns: process.stdout.columns ?? 160, ms })
      print(json ? trialLines(trials, ms) : table)
      tell(errors)
      const { fail, skipped } = countTrials(trials)
      return fail + skipped === 0 ? 0 : EXIT.failed
    },
    argv,
  )
}
