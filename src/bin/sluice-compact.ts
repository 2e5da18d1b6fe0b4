import { join } from 'node:path'
import { SLUICE } from '../commands/sluice.ts'
import { openEngine } from '../duckdb.ts'
import { EXIT, Failure } from '../failure.ts'
import { partedRows } from '../ingest/rest.ts'
import { pendingSegments } from '../ingest/wal.ts'
import { acquire } from '../lake/lock.ts'
import { maintain, newestEvent, planMaintenance } from '../lake/maintain.ts'
import { formatHour, formatSegment } from '../lake/names.ts'
import { checkLake, openLake } from '../lake/open.ts'
import { PRIVATE } from '../lake/private.ts'
import { formatBytes, formatCount } from '../quantity.ts'
import { disk } from './disk.ts'
import { main } from './main.ts'
import { print, tell } from './stdio.ts'

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.compact,
    async ({ lake, state, sealAfter, targetSize, keep, grace, yes, dryRun }) => {
      const place = { lake, state, disk, now: Date.now }
      await checkLake(place)
      const engine = await openEngine({ memoryLimit: '2GB', tempDirectory: join(state, 'staging', 'spill') })
      const session = await engine.connect()
      try {
        const settings = {
          watermark: await newestEvent(session, lake),
          sealAfter,
          targetBytes: targetSize,
          budget: Infinity,
          keep,
          grace,
          yes,
          part: partedRows,
          pending: async () => new Set((await pendingSegments(state)).map(formatSegment)),
        }
        if (dryRun) {
          const { merges, dates } = await planMaintenance(place, settings)
          for (const { hour, inputs, bytes } of merges) print(`merge ${formatHour(hour)}: ${inputs.length} files, ${formatBytes(bytes)}\n`)
          for (const date of dates) print(`drop ${date}\n`)
          if (merges.length + dates.length === 0) print('nothing to do\n')
          return 0
        }
        await disk.makeDirectory(join(state, 'staging'), 'places.make', PRIVATE)
        const lock = await acquire(join(state, 'periodic.lock'), Date.now())
        if (!lock) throw new Failure(`a periodic is running in ${state}; wait for it, or stop it`, EXIT.busy)
        try {
          const { merged, dropped, finished, undone, skipped } = await maintain({ ...place, id: await openLake(place) }, session, settings)
          for (const { hour, inputs, outputs, rows, repeated, bytesBefore, bytesAfter } of merged) {
            print(
              `${hour}: ${inputs.length} files into ${outputs.length}, ${formatCount(rows)} events, ${formatCount(repeated)} repeated ones dropped, ` +
                `${formatBytes(bytesBefore)} to ${formatBytes(bytesAfter)}\n`,
            )
          }
          for (const date of dropped) print(`${date}: dropped\n`)
          for (const id of finished) print(`${id}: finished what a killed run began\n`)
          for (const id of undone) print(`${id}: undid what a killed run began\n`)
          for (const said of skipped) tell(`sluice compact: ${said}\n`)
          if (merged.length + dropped.length + finished.length + undone.length + skipped.length === 0) print('nothing to do\n')
          return skipped.length > 0 ? EXIT.failed : 0
        } finally {
          lock.release()
        }
      } finally {
        session.close()
        engine.close()
      }
    },
    argv,
  )
}
