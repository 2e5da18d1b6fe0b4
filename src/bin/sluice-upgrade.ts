import { join } from 'node:path'
import { SLUICE } from '../commands/sluice.ts'
import { openEngine } from '../duckdb.ts'
import { EXIT, Failure } from '../failure.ts'
import { partedRows } from '../ingest/rest.ts'
import { pendingSegments } from '../ingest/wal.ts'
import { FORMAT } from '../lake/format.ts'
import { acquire } from '../lake/lock.ts'
import { filesWithSizes } from '../lake/maintain.ts'
import { formatHour, formatSegment } from '../lake/names.ts'
import { checkLake, openLake } from '../lake/open.ts'
import { PRIVATE } from '../lake/private.ts'
import { takeSnapshot } from '../lake/snapshot.ts'
import { sweepTrash } from '../lake/trash.ts'
import type { UpgradePlan } from '../lake/upgrade.ts'
import { upgrade, upgradePlan } from '../lake/upgrade.ts'
import { formatBytes, formatCount } from '../quantity.ts'
import { disk } from './disk.ts'
import { main } from './main.ts'
import { print } from './stdio.ts'

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.upgrade,
    async ({ lake, state, targetSize, grace, dryRun }) => {
      const place = { lake, state, disk, now: Date.now }
      const plan = async (): Promise<UpgradePlan> =>
        upgradePlan(place, await filesWithSizes(await takeSnapshot(lake)), async () => new Set((await pendingSegments(state)).map(formatSegment)))
      if (dryRun) {
        await checkLake(place)
        const { merges, left } = await plan()
        for (const { hour, inputs, bytes } of merges) print(`upgrade ${formatHour(hour)}: ${inputs.length} files, ${formatBytes(bytes)}\n`)
        for (const { hour, why } of left) print(`leave ${hour}: ${why}\n`)
        if (merges.length + left.length === 0) print(DONE)
        return 0
      }
      const id = await openLake(place)
      await disk.makeDirectory(join(state, 'staging'), 'places.make', PRIVATE)
      const lock = await acquire(join(state, 'periodic.lock'), Date.now())
      if (!lock) throw new Failure(`a periodic is running in ${state}; wait for it, or stop it`, EXIT.busy)
      const engine = await openEngine({ memoryLimit: '2GB', tempDirectory: join(state, 'staging', 'periodic') })
      try {
        const session = await engine.connect()
        await sweepTrash({ ...place, id }, grace)
        const planned = await plan()
        let left = planned.left.length
        for (const { hour, why } of planned.left) print(`${hour}: left as it is: ${why}\n`)
        for await (const done of upgrade({ ...place, id }, session, planned, { targetBytes: targetSize, grace, part: partedRows })) {
          if ('why' in done) {
            left++
            print(`${done.hour}: left as it is: ${done.why}\n`)
            continue
          }
          const { hour, inputs, outputs, rows, repeated, bytesBefore, bytesAfter } = done
          print(
            `${hour}: ${inputs.length} files into ${outputs.length}, ${formatCount(rows)} events, ${formatCount(repeated)} repeated ones dropped, ` +
              `${formatBytes(bytesBefore)} to ${formatBytes(bytesAfter)}\n`,
          )
        }
        print(left === 0 ? DONE : `${left} hours left\n`)
        return left === 0 ? 0 : EXIT.failed
      } finally {
        engine.close()
        await disk.removeTree(join(state, 'staging', 'periodic'), 'stage.remove')
        lock.release()
      }
    },
    argv,
  )
}

const DONE = `all files are of format ${FORMAT}\n`
