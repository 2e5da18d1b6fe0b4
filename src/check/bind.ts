import type { Column, Session } from '../duckdb.ts'
import { columnsOf, identifier } from '../duckdb.ts'
import { bindEvents } from '../query/events.ts'
import { keyOf } from '../query/models.ts'
import type { Step } from '../query/plan.ts'
import type { Problem } from '../query/problem.ts'
import { problemFrom } from '../query/problem.ts'
import { statement } from '../query/statement.ts'

/** What came of a model on an empty lake. One that needs a bad one is not tried. */
export type Bound = { columns: Column[] } | { problem: Problem } | undefined

/** Runs each model as periodic does, in its order, over a lake without an event; by the names of the models. */
export async function bindAll(session: Session, steps: readonly Step[]): Promise<Map<string, Bound>> {
  await bindEvents(session, [])
  const bound = new Map<string, Bound>()
  for (const { model, needs, problem } of steps) {
    const ready = needs.every((need) => columnsIn(bound.get(keyOf(need))) !== undefined)
    bound.set(keyOf(model.name), problem || !ready ? undefined : await bind(session, model))
  }
  return bound
}

async function bind(session: Session, model: Step['model']): Promise<Bound> {
  try {
    await session.run(statement(model))
    return { columns: await columnsOf(session, identifier(model.name)) }
  } catch (error) {
    const problem = problemFrom(model.file, error, 1)
    return { problem: model.layer === 'seeds' ? { file: model.file, message: problem.message } : problem }
  }
}

export function columnsIn(bound: Bound): Column[] | undefined {
  return bound !== undefined && 'columns' in bound ? bound.columns : undefined
}

/** A type as DuckDB writes it, whatever it is called: `string` is VARCHAR. Undefined where it is none. */
export async function canonicalType(session: Session, type: string): Promise<string | undefined> {
  if (!/^[\w ,()[\]"]+$/.test(type)) return undefined
  try {
    const [row] = await session.rows<{ type: string }>(`SELECT typeof(CAST(NULL AS ${type})) AS type`)
    return row?.type
  } catch {
    return undefined
  }
}
