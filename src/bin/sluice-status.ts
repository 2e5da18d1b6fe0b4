import { openInspector } from '../check/parquet.ts'
import { showStatus } from '../check/show.ts'
import { statusOf } from '../check/status.ts'
import { survey } from '../check/survey.ts'
import { SLUICE } from '../commands/sluice.ts'
import { main } from './main.ts'
import { print } from './stdio.ts'

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.status,
    async ({ lake, state, queries, sealAfter, json }) => {
      const now = Date.now()
      const inspector = await openInspector()
      try {
        const status = statusOf(await survey({ lake, state, queries }, inspector, { now, sealAfter }))
        print(json ? `${JSON.stringify(status)}\n` : showStatus(status, { lake, now }))
      } finally {
        inspector.close()
      }
    },
    argv,
  )
}
