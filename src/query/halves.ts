import { rm } from 'node:fs/promises'
import type { Engine, Session } from '../duckdb.ts'
import { identifier } from '../duckdb.ts'
import type { Part } from '../lake/snapshot.ts'
import { combined, openParts, understand, Unkept } from './accumulate.ts'
import { eventsDefinition, readEvents } from './events.ts'
import { functionsOf } from './functions.ts'
import type { Accumulates } from './header.ts'
import type { Parsed } from './parse.ts'
import type { Step } from './plan.ts'
import { blame, statement } from './statement.ts'
import type { Trial } from './trial.ts'
import type { Bench } from './verdict.ts'
import { failuresPath, judge } from './verdict.ts'

export interface HalvesOptions extends Bench {
  engine: Engine
  /** The models that accumulate, each with what it reads before it. */
  plans: readonly (readonly Step[])[]
  /** The files of the newest hour; none of an empty lake. */
  hour: readonly Part[]
  ofLake: (error: unknown) => Promise<Error | undefined>
}

/**
 * Asks each model that accumulates of two halves of the newest hour, and compares what they give together with what it says of that hour: whatever
 * the SQL did not show. The hour is halved by chance, and by time.
 */
export async function* tryHalves({ engine, plans, hour, ofLake, ...bench }: HalvesOptions): AsyncGenerator<Trial> {
  for (const [place, steps] of plans.entries()) {
    const { model, problem } = steps.at(-1) as Step
    // Said already.
    if (problem ?? steps.find((step) => step.problem)) continue
    const start = bench.now()
    const name = `accumulates(${model.name})`
    const schema = `halves_${place}`
    const session = await openParts(engine, schema)
    const trial = (of: Pick<Trial, 'status'> & Partial<Trial>): Trial => ({ name, kind: 'accumulates', of: model.name, ms: bench.now() - start, ...of })
    try {
      const sql = await compare(session, steps, hour)
      if (sql === undefined) {
        await rm(failuresPath(bench.state, name), { force: true })
        yield trial({ status: 'pass' })
        continue
      }
      const at = { file: model.file, ...(model.declared ? { line: model.declared.lineOf(['accumulates']) } : {}) }
      const verdict = await judge(session, { name, model: model.name, severity: 'error', ...at, sql, reads: [] }, bench, ofLake)
      const advice = 'two halves of the newest hour, put together, are not what the whole hour is; remove accumulates, or put what does not add up into a model above'
      yield trial({ ...verdict, status: verdict.status, ...(verdict.problem ? { problem: { ...verdict.problem, message: `${verdict.problem.message}: ${advice}` } } : {}) })
    } catch (error) {
      const broken = await ofLake(error)
      const lacking = broken && { file: model.file, message: broken.message }
      yield trial({ status: 'fail', problem: lacking ?? (error instanceof Unkept ? error.problem : blame(model, steps.slice(0, -1).map((step) => step.model.name), error)) })
    } finally {
      await session.run(`DROP SCHEMA ${schema} CASCADE`).catch(() => {})
      session.close()
    }
  }
}

/** A SELECT of the rows that only the whole hour has, or only its halves together; undefined where there is no event. */
async function compare(session: Session, steps: readonly Step[], hour: readonly Part[]): Promise<string | undefined> {
  const below = steps.slice(0, -1).map((step) => step.model)
  const model = steps.at(-1)?.model as Parsed
  const how = model.header.accumulates as Accumulates
  const all = readEvents(hour)
  await session.run(hour.length === 0 ? `CREATE TABLE events (${eventsDefinition()})` : `CREATE VIEW events AS FROM ${all}`)
  for (const one of below) await session.run(statement(one))
  const { columns, body } = await understand(session, model, below.filter(({ layer }) => layer === 'staging'), await functionsOf(session))
  if (hour.length === 0) return undefined
  const [span] = await session.rows<{ first: bigint | null; last: bigint | null }>('SELECT epoch_us(min(event_time)) AS first, epoch_us(max(event_time)) AS last FROM events')
  if (span?.first == null || span.last == null) return undefined
  const ask = async (table: string, condition: string): Promise<void> => {
    await session.run(`CREATE OR REPLACE VIEW events AS FROM ${all} WHERE ${condition}`)
    await session.run(`CREATE TABLE ${table} AS (\n${body}\n)`)
  }
  const window = BigInt(how.window ?? 0) * 1000n
  const middle = (span.first + span.last) / 2n
  const chance = "hash(did, event_time, coalesce(rkey, '')) % 2"
  await ask('whole', 'true')
  // The second half is looked at as new files are: with a window, together with what is near them.
  await ask('by_chance_1', `${chance} = 0`)
  await ask('by_chance_2', how.window === undefined ? `${chance} = 1` : 'true')
  await ask('by_time_1', `epoch_us(event_time) <= ${middle}`)
  await ask('by_time_2', `epoch_us(event_time) > ${middle - window}`)
  const differences = ['by_chance', 'by_time'].flatMap((split) => {
    const halves = `(${combined(`FROM ${split}_1 UNION ALL BY NAME FROM ${split}_2`, columns, how)})`
    const whole = `(SELECT ${columns.map(({ name }) => identifier(name)).join(', ')} FROM whole)`
    const only = (in_: string, one: string, other: string): string => `SELECT '${in_}' AS only_in, * FROM (FROM ${one} EXCEPT ALL FROM ${other})`
    return [only(`the hour but not its halves ${split.replace('_', ' ')}`, whole, halves), only(`halves ${split.replace('_', ' ')} but not the hour`, halves, whole)]
  })
  return differences.join('\nUNION ALL\n')
}
