import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openInspector } from '../check/parquet.ts'
import { statusOf } from '../check/status.ts'
import { survey } from '../check/survey.ts'
import { SLUICE } from '../commands/sluice.ts'
import { describe } from '../docs/describe.ts'
import { page } from '../docs/page.ts'
import { openEngine } from '../duckdb.ts'
import { diskFailure } from '../lake/disk.ts'
import { parseDuration } from '../quantity.ts'
import { loadCases } from '../query/case.ts'
import { loadModels } from '../query/models.ts'
import type { RunRecord } from '../query/record.ts'
import { runs } from '../query/record.ts'
import { main } from './main.ts'
import { print } from './stdio.ts'

/** As status takes it where nothing is said. */
const SEAL_AFTER = parseDuration('10m')

/** Of the records of runs, so many of the last ones are shown. */
const RUNS = 100

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.docs,
    async ({ lake, state, queries, metrics, output = join(state, 'docs.html') }) => {
      const made = new Date()
      const [loaded, cases] = await Promise.all([loadModels(queries), loadCases(queries)])
      const [inspector, engine] = await Promise.all([openInspector(), openEngine()])
      try {
        const status = statusOf(await survey({ lake, state, queries }, inspector, { now: made.getTime(), sealAfter: SEAL_AFTER }))
        const text = await page(await describe(await engine.connect(), { loaded, cases, metrics, state, lake, status, runs: await lastRuns(state), made }))
        await replace(output, text)
        print(`${output}\n`)
      } finally {
        engine.close()
        inspector.close()
      }
    },
    argv,
  )
}

async function lastRuns(state: string): Promise<RunRecord[]> {
  const taken: RunRecord[] = []
  for await (const record of runs(state)) {
    taken.push(record)
    if (taken.length === RUNS) break
  }
  return taken
}

/** A reader sees the old page or the new one, whole. */
async function replace(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.new`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(beside, text)
    await rename(beside, path)
  } catch (error) {
    throw diskFailure('write', path, error)
  }
}
