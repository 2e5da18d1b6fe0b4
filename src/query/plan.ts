import { nearest } from '../did-you-mean.ts'
import { keyOf, SOURCES } from './models.ts'
import type { Parsed, Reference } from './parse.ts'
import type { Problem } from './problem.ts'
import { problemAt } from './problem.ts'

/** One model and the models that it reads directly. */
export interface Step {
  model: Parsed
  needs: string[]
  /** Meant by the selection, not only needed by it: of the metrics, these are published. */
  selected: boolean
  /** Known before anything runs: the model is not run, nor is what needs it. */
  problem?: Problem | undefined
}

/** Everything of the selection and below, each after all that it needs. Made from texts alone. */
export interface Plan {
  steps: Step[]
}

/** Table functions by which SQL would read files, or name relations where the parse tree cannot show them. */
const READERS = /^(read_\w+|parquet_\w+|\w+_scan|sniff_csv|glob|st_read|query|query_table)$/i
const FILE = /[/\\*]|\.(parquet|csv|tsv|json|jsonl|ndjson|txt|db|duckdb|xlsx)(\.(gz|zst))?$/i

const EXPECTED = 'expected the name of a model, a seed or a source'
const NO_FILES = 'a model names no files; read events, or put a CSV into seeds/'

export function plan(models: readonly Parsed[], selected: readonly string[]): Plan {
  const byKey = new Map(models.map((model) => [keyOf(model.name), model]))
  const steps = new Map<string, Step>()
  const meant = new Set(selected.map(keyOf))
  for (const [key, model] of byKey) steps.set(key, { ...resolve(model, byKey), selected: meant.has(key) })

  const order: Step[] = []
  const done = new Set<string>()
  const visit = (key: string, path: string[]): void => {
    const step = steps.get(key)
    if (!step || done.has(key)) return
    const start = path.indexOf(key)
    if (start >= 0) {
      // The walk that found the cycle goes on to put its members in some order; none of them is run.
      const cycle = path.slice(start).map((member) => steps.get(member) as Step)
      for (const member of cycle) blame(member, cycle)
      return
    }
    for (const need of step.needs) visit(keyOf(need), [...path, key])
    if (!done.has(key)) order.push(step)
    done.add(key)
  }
  for (const name of selected) visit(keyOf(name), [])
  for (const step of order) step.problem ??= partsObjection(step, steps)
  return { steps: order }
}

/** Parts of the stream have no results of metrics: a model that accumulates reads what can be asked of a part. */
function partsObjection({ model, needs }: Step, steps: ReadonlyMap<string, Step>): Problem | undefined {
  if (!model.header.accumulates) return undefined
  const seen = new Set<string>()
  const visit = (name: string): Step | undefined => {
    const step = steps.get(keyOf(name))
    if (!step || seen.has(name)) return undefined
    seen.add(name)
    return step.model.layer === 'metrics' ? step : step.needs.map(visit).find(Boolean)
  }
  const metric = needs.map(visit).find(Boolean)
  if (!metric) return undefined
  return at(model, undefined, `expected a model that accumulates to read events, staging models and seeds, got the metric ${metric.model.name}; take away accumulates`)
}

function resolve(model: Parsed, byKey: ReadonlyMap<string, Parsed>): Omit<Step, 'selected'> {
  const needs = new Set<string>()
  for (const reference of model.references) {
    const found = reference.kind === 'relation' && isLocal(reference) ? byKey.get(keyOf(reference.name)) : undefined
    if (found && found.layer !== 'tests') needs.add(found.name)
    else {
      const message = objection(reference, [...byKey.values()].flatMap((other) => (other === model || other.layer === 'tests' ? [] : other.name)))
      if (message !== undefined) return { model, needs: [], problem: at(model, reference, message) }
    }
  }
  return { model, needs: [...needs].sort(), ...(model.problem ? { problem: model.problem } : {}) }
}

function isLocal({ schema }: Reference): boolean {
  return schema === '' || keyOf(schema) === 'main'
}

function objection(reference: Reference, others: readonly string[]): string | undefined {
  const { kind, name, schema } = reference
  if (kind === 'function') {
    return READERS.test(name) ? `${EXPECTED}, got ${name}(…): ${NO_FILES}` : undefined
  }
  if (isLocal(reference) && SOURCES.some((source) => source === keyOf(name))) return undefined
  if (FILE.test(name)) return `${EXPECTED}, got the file '${name}': ${NO_FILES}`
  const close = nearest(name, [...SOURCES, ...others])
  const written = schema === '' ? name : `${schema}.${name}`
  return `${EXPECTED}, got \`${written}\`${close === undefined ? '' : `; did you mean \`${close}\`?`}`
}

/** The cycle is shown from the blamed model on, at the place where it names the next. */
function blame(step: Step, cycle: readonly Step[]): void {
  const start = cycle.indexOf(step)
  const names = [...cycle.slice(start), ...cycle.slice(0, start), step].map(({ model }) => model.name)
  const reference = step.model.references.find(({ name }) => keyOf(name) === keyOf(names[1] as string))
  step.problem ??= at(step.model, reference, `expected models that do not read themselves, got the cycle ${names.join(' → ')}`)
}

function at(model: Parsed, reference: Reference | undefined, message: string): Problem {
  return reference?.offset === undefined ? { file: model.file, message } : problemAt(model.file, model.sql, reference.offset, message)
}
