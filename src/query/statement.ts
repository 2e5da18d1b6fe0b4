import type { Session } from '../duckdb.ts'
import { identifier } from '../duckdb.ts'
import { Failure, messageOf } from '../failure.ts'
import type { Model, Models } from './models.ts'
import { seedRows } from './models.ts'
import type { Problem } from './problem.ts'
import { formatProblem, problemFrom } from './problem.ts'

/** The model's text begins on a line of its own and ends the statement: LINE n of an error is line n - 1 of the file. */
export function statement({ name, layer, file, sql }: Model): string {
  if (layer === 'seeds') return `CREATE TABLE ${identifier(name)} AS FROM ${seedRows(file)}`
  return `CREATE ${layer === 'metrics' ? 'TABLE' : 'VIEW'} ${identifier(name)} AS\n${sql}`
}

/** What a statement's error says of the model's file; `views` are those that it reads. */
export function blame(model: Model, views: readonly string[], error: unknown): Problem {
  if (model.layer === 'seeds') return { file: model.file, message: messageOf(error).split(' LINE ', 1)[0] as string }
  const problem = problemFrom(model.file, error, 1)
  // Of an error while rows are computed DuckDB may give the place in a view's text as if it were one in this text.
  if (views.length === 0 || /^(Parser|Binder|Catalog) Error/.test(problem.message)) return problem
  return { file: model.file, message: `${problem.message} (here or in a view that it reads: ${views.join(', ')})` }
}

/** Defines what `macros.sql` holds; no model can be trusted without it. */
export async function runMacros(session: Session, macros: Models['macros']): Promise<void> {
  if (!macros) return
  try {
    await session.run(macros.sql)
  } catch (error) {
    const problem = problemFrom(macros.file, error)
    throw new Failure([formatProblem(problem), ...(problem.excerpt === undefined ? [] : [problem.excerpt])].join('\n'))
  }
}
