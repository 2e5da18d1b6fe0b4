import { readFile } from 'node:fs/promises'
import type { Column } from '../duckdb.ts'
import { codeOf } from '../failure.ts'
import type { Model } from '../query/models.ts'
import { nearest } from '../did-you-mean.ts'
import type { Problem } from '../query/problem.ts'
import { problemAt } from '../query/problem.ts'

/** How many of them say what they are. */
export interface Coverage {
  models: { documented: number; all: number }
  columns: { documented: number; all: number }
}

/** The share that must be documented is all: less is a number that nobody looks at. */
export function coverageOf(documented: readonly Documentation[]): Coverage {
  const sum = (of: (entry: Documentation) => number): number => documented.reduce((total, entry) => total + of(entry), 0)
  return {
    models: { documented: sum(({ whole }) => Number(whole)), all: documented.length },
    columns: { documented: sum(({ described }) => described), all: sum(({ columns }) => columns) },
  }
}

export interface Documentation {
  problems: Problem[]
  /** Description, grain and every column. */
  whole: boolean
  described: number
  columns: number
}

/**
 * What a model says about itself, against the columns that it really has: `columns` as DuckDB describes them (those of the header
 * where it could not be bound), `typeOf` what DuckDB calls a type.
 */
export async function document(
  model: Pick<Model, 'file' | 'layer' | 'sql' | 'header' | 'declared'>,
  columns: readonly Column[] | undefined,
  typeOf: (type: string) => Promise<string | undefined>,
): Promise<Documentation> {
  const { file, layer, header } = model
  const beside = layer === 'seeds' ? file.replace(/\.csv$/, '.yaml') : undefined
  const text = beside === undefined ? model.sql : await textOf(beside)
  const place = placesIn(beside ?? file, text ?? '', model.declared)
  const problems: Problem[] = []
  const real = new Map((columns ?? Object.keys(header.columns).map((name) => ({ name, type: undefined }))).map((column) => [column.name.toLowerCase(), column]))
  const written = new Map(Object.entries(header.columns).map(([name, column]) => [name.toLowerCase(), { name, ...column }]))
  if (text === undefined) {
    const message = `expected description, grain and columns (${[...real.values()].map(({ name }) => name).join(', ')}) in ${beside}, got no such file`
    return { problems: [{ file, message }], whole: false, described: 0, columns: real.size }
  }
  if (header.description === undefined) problems.push(place([], 'expected a description, got none; say what it is and what it is not'))
  // A test's rows are all that it finds wrong: what one is follows from what it is about.
  if (layer === 'tests') return { problems, whole: header.description !== undefined, described: 0, columns: 0 }
  if (header.grain === undefined) problems.push(place([], 'expected the grain, got none; say what one row is, such as `grain: one row per user`'))

  for (const [key, { name }] of written) {
    if (real.has(key)) continue
    const close = nearest(name, [...real.values()].map((column) => column.name))
    const hint = close === undefined ? '' : `; did you mean \`${close}\`?`
    problems.push(place(['columns', name], `expected a column of the result (${[...real.values()].map((column) => column.name).join(', ')}), got \`${name}\`${hint}`))
  }
  let described = 0
  for (const [key, { name, type }] of real) {
    const entry = written.get(key)
    const path = entry ? ['columns', entry.name] : ['columns']
    if (entry?.description !== undefined) described++
    else problems.push(place(path, `expected a description of the column \`${name}\`, got none`))
    if (type === undefined || entry === undefined) continue
    const wanted = entry.type === undefined ? undefined : await typeOf(entry.type)
    if (wanted !== type) problems.push(place(path, `expected the type of \`${name}\` to be ${type.toLowerCase()}, got ${entry.type ?? 'none'}`))
  }
  for (const list of ['sum', 'min', 'max'] as const) {
    for (const [index, name] of (header.accumulates?.[list] ?? []).entries()) {
      if (columns && !real.has(name.toLowerCase())) {
        problems.push(place(['accumulates', list, index], `expected a column of the result to accumulate by ${list}, got \`${name}\``))
      }
    }
  }
  const whole = header.description !== undefined && header.grain !== undefined && described === real.size
  return { problems, whole, described, columns: real.size }
}

/** Turns a path of the header into its place in the file; an empty one is where the file begins. */
function placesIn(file: string, text: string, declared: Model['declared']) {
  return (path: (string | number)[], message: string): Problem => {
    const line = declared && path.length > 0 ? declared.lineOf(path) : 1
    const start = text.split('\n').slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0)
    return problemAt(file, text, start + (/^ */.exec(text.slice(start))?.[0].length ?? 0), message)
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
