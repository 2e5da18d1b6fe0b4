import { EXIT } from '../failure.ts'
import { checkLake } from '../lake/open.ts'
import { PLACES } from '../places.ts'
import { parseText } from '../quantity.ts'
import { trialLines } from '../query/json.ts'
import { parseSelectors, SELECTORS } from '../query/select.ts'
import { countTrials, renderTrials } from '../query/trial-table.ts'
import type { Trial } from '../query/trial.ts'
import { tryAll } from '../query/trial.ts'
import { writeCsv } from '../sink/csv.ts'
import { main } from './main.ts'

export const summary = 'Run the tests of models, seeds and sources'

const options = {
  ...PLACES,
  queries: { describe: 'Directory of the models', argument: 'DIR', parse: parseText, default: 'queries' },
  select: { describe: 'Only tests of these models, and tests that read them (see below)', argument: 'SELECTORS', parse: parseSelectors },
  json: { describe: 'Print one JSON object per test, then one for the summary' },
}

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    {
      name: 'sluice test',
      summary: `${summary}.`,
      epilogue: [
        'Publishes nothing and locks nothing: it works while everything else runs. Tests of staging models read all of history. '
          + 'accumulates(<model>) compares what two halves of the newest hour give together with what the hour gives. Of rows for which a test does not hold, the first 1,000 are in STATE/failures/<test>.csv.',
        `${SELECTORS}\nNames of tests and cases, and events for its freshness, are selectors too.`,
        'Exit codes: 0 all passed (warnings may be), 1 some did not, 2 usage, 74 the lake cannot be read.',
      ].join('\n'),
      options,
    },
    async ({ lake, state, queries, select: selectors, json }) => {
      const start = Date.now()
      await checkLake({ lake, state })
      const trials: Trial[] = []
      for await (const trial of tryAll({ lake, state, queries, selectors, write: writeCsv, now: Date.now })) trials.push(trial)
      const ms = Date.now() - start
      const { table, errors } = renderTrials(trials, { columns: process.stdout.columns ?? 160, ms })
      process.stdout.write(json ? trialLines(trials, ms) : table)
      process.stderr.write(errors)
      const { fail, skipped } = countTrials(trials)
      return fail + skipped === 0 ? 0 : EXIT.failed
    },
    argv,
  )
}
