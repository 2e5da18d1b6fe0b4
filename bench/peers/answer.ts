import type { SqlValue } from '../../src/duckdb.ts'

/** How often each query runs. The first finds nothing in memory; the faster of the others is its hot time, as in JSONBench. */
const TRIES = 3

/** One value of an answer, alike from every system: a text, '' for null, or a number; times to the millisecond. */
export type Value = string | number

export interface Answered {
  /** Hot, ms, one for each query. */
  times: number[]
  /** Rows of each query, in their order. */
  answers: Value[][][]
}

/** Runs every query and prints what came of it. Only the query itself is timed, its rows included. */
export async function answer<T>(
  queries: readonly string[],
  system: { query(sql: string): Promise<T> | T; rows(result: T): Value[][] },
): Promise<void> {
  const times: number[] = []
  const answers: Value[][][] = []
  for (const sql of queries) {
    const tries: number[] = []
    let result: T | undefined
    for (let turn = 0; turn < TRIES; turn++) {
      const begin = performance.now()
      result = await system.query(sql)
      tries.push(performance.now() - begin)
    }
    times.push(Math.min(...tries.slice(1)))
    answers.push(system.rows(result as T))
  }
  process.stdout.write(JSON.stringify({ times, answers } satisfies Answered))
}

export function plainRows(rows: readonly Record<string, SqlValue>[]): Value[][] {
  return rows.map((row) => Object.values(row).map(plain))
}

function plain(value: SqlValue): Value {
  if (value === null) return ''
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'string' ? value : Number(value)
}
