import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Session } from '../duckdb.ts'
import { quote } from '../duckdb.ts'
import { Failure } from '../failure.ts'
import { diskFailure } from '../lake/disk.ts'
import { PRIVATE } from '../lake/private.ts'
import { formatCount } from '../quantity.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { unreadable } from './events.ts'
import type { Expectation } from './expectation.ts'
import { expectationsOf } from './expectation.ts'
import type { Model } from './models.ts'
import type { Problem } from './problem.ts'
import { problemFrom } from './problem.ts'

/** What came of looking whether an expectation holds. */
export interface Verdict {
  expectation: Expectation
  status: 'pass' | 'warn' | 'fail'
  /** For which it does not hold; undefined where that could not be found out. */
  rows: number | undefined
  /** Where the first of them are. */
  kept: string | undefined
  ms: number
  /** Unless it passed. */
  problem: Problem | undefined
}

/** Rows kept for a look: one that fails everywhere would otherwise copy the lake. */
const KEPT = 1000

export interface Bench {
  state: string
  /** A private directory on the filesystem of the state. */
  scratch: string
  now: () => number
}

/**
 * Runs one query of failing rows, unless they are counted already. They are kept below the state, replaced by rename, and gone once the expectation holds.
 * One whose query fails does not hold, and is as bad as it says of itself; one that needs a damaged file of the lake fails.
 */
export async function judge(
  session: Session,
  expectation: Expectation,
  { state, scratch, now }: Bench,
  ofLake: (error: unknown) => Promise<Error | undefined>,
  counted?: number,
): Promise<Verdict> {
  const { name, sql, severity, file, line } = expectation
  const start = now()
  const bad = severity === 'error' ? 'fail' : 'warn'
  const at = { file, ...(line === undefined ? {} : { line }) }
  const kept = failuresPath(state, name)
  const verdict = (of: Omit<Verdict, 'expectation' | 'ms'>): Verdict => ({ expectation, ms: now() - start, ...of })
  if (expectation.problem) return verdict({ status: bad, rows: undefined, kept: undefined, problem: expectation.problem })
  let rows = counted
  try {
    rows ??= (await count(session, [sql]))[0] as number
    if (rows === 0) {
      // Mostly there is none, and Node's threads for files are those that DuckDB's queries wait on.
      if (existsSync(kept)) await rm(kept, { force: true })
      return verdict({ status: 'pass', rows, kept: undefined, problem: undefined })
    }
    const written = join(scratch, 'failures.csv')
    await session.run(`COPY (SELECT * FROM (${sql}) LIMIT ${KEPT}) TO ${quote(written)} (FORMAT csv, HEADER true)`)
    await keep(written, kept)
  } catch (error) {
    if (error instanceof Failure) throw error
    const broken = await ofLake(error)
    if (broken) return verdict({ status: 'fail', rows: undefined, kept: undefined, problem: { ...at, message: broken.message } })
    const { message } = problemFrom(file, error)
    return verdict({ status: bad, rows: undefined, kept: undefined, problem: { ...at, message: `${name} could not be looked at: ${message}` } })
  }
  return verdict({ status: bad, rows, kept, problem: { ...at, message: `${name} does not hold for ${formatCount(rows)} ${rows === 1 ? 'row' : 'rows'}: see ${kept}` } })
}

/** What its header says of a result, as far as the result and the seeds show it: the cost is bounded by the result. */
export async function judgeResult(
  session: Session,
  model: Model,
  models: readonly Model[],
  { snapshot, signal, ...bench }: Bench & { snapshot: Snapshot; signal: AbortSignal },
): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const expectations = expectationsOf(model, models).filter(({ reads }) => reads.length === 0)
  // Where one cannot be asked, each says for itself what is wrong with it.
  const counted = await count(session, expectations.map(({ sql }) => sql)).catch((): number[] => [])
  for (const [place, expectation] of expectations.entries()) {
    if (signal.aborted) break
    verdicts.push(await judge(session, expectation, bench, (error) => unreadable(session, snapshot.files, error), counted[place]))
  }
  return verdicts
}

/** How many rows each of the queries has. One statement of ten takes half the time of ten. */
async function count(session: Session, queries: readonly string[]): Promise<number[]> {
  if (queries.length === 0) return []
  const counts = queries.map((sql, place) => `SELECT ${place} AS place, count(*) AS rows FROM (${sql})`)
  const rows = await session.rows<{ rows: bigint }>(`${counts.join(' UNION ALL ')} ORDER BY place`)
  return rows.map(({ rows }) => Number(rows))
}

/** Why a result that was made is not published. */
export function refusal(refused: readonly Verdict[]): Problem {
  const [{ problem }, ...more] = refused as [Verdict, ...Verdict[]]
  const others = more.map(({ expectation }) => `; nor does ${expectation.name}`).join('')
  return { ...(problem as Problem), message: `${problem?.message}${others}; not published, the last good result stays` }
}

/** Columns may have any name, files may not. */
export function failuresPath(state: string, name: string): string {
  return join(state, 'failures', `${name.replace(/[/\\\0]/g, '_')}.csv`)
}

async function keep(from: string, to: string): Promise<void> {
  try {
    await mkdir(join(to, '..'), { recursive: true, mode: PRIVATE })
    await rename(from, to)
  } catch (error) {
    throw diskFailure('keep failing rows in', to, error)
  }
}
