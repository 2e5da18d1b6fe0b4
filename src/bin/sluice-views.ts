import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { SLUICE } from '../commands/sluice.ts'
import type { Session } from '../duckdb.ts'
import { openEngine, quote } from '../duckdb.ts'
import { EXIT, Failure, messageOf } from '../failure.ts'
import { diskFailure } from '../lake/disk.ts'
import { takeSnapshot } from '../lake/snapshot.ts'
import { loadModels } from '../query/models.ts'
import { parseModels } from '../query/parse.ts'
import { plan } from '../query/plan.ts'
import type { Problem } from '../query/problem.ts'
import { formatProblem } from '../query/problem.ts'
import { runMacros } from '../query/statement.ts'
import { createViews, eventsView, modelViews, shellText, viewsText } from '../query/views.ts'
import { main } from './main.ts'
import { print, tell } from './stdio.ts'

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.views,
    async ({ lake, queries, relative }, [file]) => {
      if (relative && file !== undefined) throw new Failure("expected --relative without FILE, which has absolute paths; see 'sluice views --help'", EXIT.usage)
      const engine = await openEngine({ threads: 1 })
      try {
        const session = await engine.connect()
        const loaded = await loadModels(queries)
        const parsed = await parseModels(session, loaded.models.filter(({ layer }) => layer !== 'tests'))
        const { steps } = plan(parsed, parsed.map(({ name }) => name))
        const { views, problems } = modelViews(steps)
        if (relative) {
          print(shellText({ lake, queries, macros: loaded.macros, steps }))
          return report([...loaded.problems, ...problems])
        }
        if ((await takeSnapshot(lake)).files.length === 0) {
          throw new Failure(`expected a lake with events in ${lake}, got no file of one; run handle-stream first, or give another one by --lake`, EXIT.io)
        }
        const all = [eventsView(resolve(lake)), ...views]
        const create = async (): ReturnType<typeof createViews> => {
          await runMacros(session, loaded.macros)
          return createViews(session, all)
        }
        const made = file === undefined ? await create() : await inFile(session, file, create)
        print(file === undefined ? viewsText(resolve(lake), loaded.macros, made.created) : `${file}: ${made.created.length} views\n`)
        return report([...loaded.problems, ...problems, ...made.problems])
      } finally {
        engine.close()
      }
    },
    argv,
  )
}

function report(problems: readonly Problem[]): number {
  for (const problem of problems) tell(`${formatProblem(problem)}\n`)
  return problems.length === 0 ? 0 : EXIT.failed
}

/** Whoever has the old file open keeps it; a new one is whole or not there. */
async function inFile<T>(session: Session, file: string, create: () => Promise<T>): Promise<T> {
  if (existsSync(file)) await checkReplaceable(session, file)
  const beside = `${file}.${process.pid}.new`
  try {
    await mkdir(dirname(resolve(file)), { recursive: true })
    // The oldest format that DuckDB still writes: what reads it is not always of our version.
    await session.run(`ATTACH ${quote(beside)} AS catalogue (STORAGE_VERSION 'v1.0.0'); USE catalogue`)
    const made = await create()
    await session.run('USE memory; DETACH catalogue')
    // What a program that crashed left of the old file must not be read into the new one.
    await rm(`${file}.wal`, { force: true })
    await rename(beside, file)
    return made
  } catch (error) {
    throw error instanceof Failure ? error : diskFailure('write', file, error)
  } finally {
    for (const left of [beside, `${beside}.wal`]) await rm(left, { force: true })
  }
}

/** Only what holds nothing but views is written over. */
async function checkReplaceable(session: Session, file: string): Promise<void> {
  const refusal = (got: string): Failure => new Failure(`expected no file, or one that sluice views made, in ${file}, got ${got}; give another name`, EXIT.usage)
  try {
    await session.run(`ATTACH ${quote(file)} AS before (READ_ONLY)`)
  } catch (error) {
    throw refusal((messageOf(error).split('\n', 1)[0] as string).trim())
  }
  const [found] = await session.rows<{ tables: bigint; views: bigint }>(
    "SELECT (SELECT count(*) FROM duckdb_tables() WHERE database_name = 'before') AS tables, "
    + "(SELECT count(*) FROM duckdb_views() WHERE database_name = 'before' AND view_name = 'events') AS views",
  )
  await session.run('DETACH before')
  if (!found || found.tables > 0n || found.views === 0n) throw refusal('a database of its own')
}
