import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Session } from '../duckdb.ts'
import { identifier, openEngine } from '../duckdb.ts'
import { messageOf } from '../failure.ts'
import { additiveProblems } from '../query/additive.ts'
import { functionsOf } from '../query/functions.ts'
import { UNDOCUMENTED } from '../query/header.ts'
import type { Model, Models } from '../query/models.ts'
import { keyOf, loadModels } from '../query/models.ts'
import type { Parsed } from '../query/parse.ts'
import { parseModels } from '../query/parse.ts'
import type { Step } from '../query/plan.ts'
import { plan } from '../query/plan.ts'
import type { Problem } from '../query/problem.ts'
import { problemFrom } from '../query/problem.ts'
import { select } from '../query/select.ts'
import { isShellText } from '../query/views.ts'
import { bindAll, canonicalType, columnsIn } from './bind.ts'
import type { Coverage, Documentation } from './coverage.ts'
import { coverageOf, document } from './coverage.ts'
import { differenceProblems, formatSql, saysTheSame } from './format.ts'
import { portableProblems } from './portable.ts'

export interface CheckedQueries {
  /** By file and line. */
  problems: Problem[]
  coverage: Coverage
  /** Files that were formatted. */
  fixed: string[]
  /** Files that the formatter cannot take, and why: they are left as they are, and are no worse for it. */
  unformatted: { file: string; because: string }[]
}

export interface CheckOptions {
  queries: string
  /** Selectors; undefined means every model. */
  select: readonly string[] | undefined
  /** Given, files that are not formatted are; nothing else is ever written. */
  write?: ((file: string, text: string) => Promise<void>) | undefined
}

/** All that can be said about the models without a lake. */
export async function checkQueries({ queries, select: selectors, write }: CheckOptions): Promise<CheckedQueries> {
  const engine = await openEngine({ threads: 1 })
  try {
    const session = await engine.connect()
    const loaded = await loadModels(queries)
    const fixed = write ? await fix(session, await meant(session, loaded.models, selectors), write) : []
    const checked = await check(session, fixed.length > 0 ? await loadModels(queries) : loaded, selectors)
    const unlisted = selectors ? [] : await shellProblems(queries, loaded.models)
    return { ...checked, problems: inOrder([...checked.problems, ...unlisted]), fixed }
  } finally {
    engine.close()
  }
}

async function check(session: Session, { models, problems: strays, macros }: Models, selectors: readonly string[] | undefined) {
  const problems = [...strays]
  if (macros) await session.run(macros.sql).catch((error: unknown) => void problems.push(problemFrom(macros.file, error)))
  const steps = await meant(session, models, selectors)
  const bound = await bindAll(session, steps)
  const functions = await functionsOf(session)
  const documented: Documentation[] = []
  const unformatted: CheckedQueries['unformatted'] = []
  for (const step of steps.filter(({ selected }) => selected)) {
    const { model, problem } = step
    const outcome = bound.get(keyOf(model.name))
    if (problem) problems.push(problem)
    if (outcome && 'problem' in outcome) problems.push(outcome.problem)
    const documentation = await document(model, columnsIn(outcome), (type) => canonicalType(session, type))
    documented.push(documentation)
    // A header that cannot be read says nothing, which is said already.
    if (!model.problem || model.header !== UNDOCUMENTED) problems.push(...documentation.problems)
    if (model.layer === 'metrics' && !problem) problems.push(...portableProblems(model, functions.macros))
    const columns = columnsIn(outcome)
    if (model.header.accumulates && !problem && columns) {
      const views = below(step, steps).filter((other) => other !== step && other.model.layer === 'staging')
      problems.push(...(await additiveProblems(session, model, views.map((view) => view.model), columns, functions)))
    }
    const { text, because } = await formatted(session, model)
    if (because !== undefined) unformatted.push({ file: model.file, because })
    problems.push(...differenceProblems(model.file, model.sql, text))
  }
  return { problems: inOrder(problems), coverage: coverageOf(documented), unformatted }
}

/** What lake.sql, which the DuckDB shell reads, does not know of the models. */
async function shellProblems(queries: string, models: readonly Model[]): Promise<Problem[]> {
  const file = join(queries, 'lake.sql')
  if (!existsSync(file)) return []
  const text = await readFile(file, 'utf8')
  // One of somebody else's is none of our business.
  if (!isShellText(text)) return []
  const missing = models.filter(({ name, layer }) => layer !== 'tests' && !text.includes(`VIEW ${identifier(name)} AS`)).map(({ name }) => name)
  return missing.length === 0 ? [] : [{ file, message: `expected a view of each model, got none of ${missing.join(', ')}; make it anew: sluice views --relative > ${file}` }]
}

/** The selected models and what they need, in the order of a run. */
async function meant(session: Session, models: readonly Model[], selectors: readonly string[] | undefined): Promise<Step[]> {
  const parsed = await parseModels(session, models)
  const names = parsed.map(({ name }) => name)
  return plan(parsed, selectors ? select(plan(parsed, names).steps, selectors) : names).steps
}

/** A step and all that it reads, directly or not, in the order of a run. */
function below(step: Step, steps: readonly Step[]): Step[] {
  const reached = new Set([step])
  for (const { needs } of reached) for (const other of steps) if (needs.includes(other.model.name)) reached.add(other)
  return steps.filter((other) => reached.has(other))
}

async function fix(session: Session, steps: readonly Step[], write: (file: string, text: string) => Promise<void>): Promise<string[]> {
  const fixed: string[] = []
  for (const { model } of steps.filter(({ selected }) => selected)) {
    const { text } = await formatted(session, model)
    if (text === model.sql) continue
    await write(model.file, text)
    fixed.push(model.file)
  }
  return fixed
}

/** The text as it should be; the text as it is where the formatter does not understand it, or would change what it says. */
async function formatted(session: Session, model: Parsed): Promise<{ text: string; because?: string }> {
  if (model.tree === undefined) return { text: model.sql }
  try {
    const text = await formatSql(model.sql, model.tree)
    if (text === model.sql) return { text }
    const [after] = await parseModels(session, [{ ...model, sql: text }])
    return after && saysTheSame(model, after) ? { text } : { text: model.sql, because: 'the formatter would change what it says' }
  } catch (error) {
    return { text: model.sql, because: messageOf(error) }
  }
}

function inOrder(problems: readonly Problem[]): Problem[] {
  const distinct = new Map(problems.map((problem) => [JSON.stringify(problem), problem]))
  return [...distinct.values()].sort((a, b) => (a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) : a.file < b.file ? -1 : 1))
}
