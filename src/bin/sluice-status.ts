import { openInspector } from '../check/parquet.ts'
import { showStatus } from '../check/show.ts'
import { statusOf } from '../check/status.ts'
import { survey } from '../check/survey.ts'
import { MAINTENANCE } from '../lake/maintain.ts'
import { PLACES } from '../places.ts'
import { parseText } from '../quantity.ts'
import { main } from './main.ts'

export const summary = 'Show the lake at a glance'

const options = {
  ...PLACES,
  queries: { describe: 'Directory whose sources.yaml says how old the newest event may be', argument: 'DIR', parse: parseText, default: 'queries' },
  sealAfter: { ...MAINTENANCE.sealAfter, describe: 'An hour is sealed when its end is this much older than the newest event' },
  json: { describe: 'Print one JSON object' },
}

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    {
      name: 'sluice status',
      summary: `${summary}: files, hours, lag, what waits in the WAL, rejects, warnings.`,
      epilogue: 'Reads names, sizes, footers and the newest times only, and changes nothing. Works while everything else runs.',
      options,
    },
    async ({ lake, state, queries, sealAfter, json }) => {
      const now = Date.now()
      const inspector = await openInspector()
      try {
        const status = statusOf(await survey({ lake, state, queries }, inspector, { now, sealAfter }))
        process.stdout.write(json ? `${JSON.stringify(status)}\n` : showStatus(status, { lake, now }))
      } finally {
        inspector.close()
      }
    },
    argv,
  )
}
