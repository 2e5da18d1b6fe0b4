import { EXIT, Failure } from '../failure.ts'
import { EVENTS, JSON_COLUMNS } from './schema.ts'

/** Of the columns of a file, in its footer and in `lake.json`. Older ones said nothing of themselves. */
export const FORMAT = 2

/** What is said of a format that a later version has brought. */
export function newerFormat(format: number, where: string): Failure {
  return new Failure(`expected format ${FORMAT} or older, got format ${format} in ${where}, which a newer version of Sluice wrote; use that version`, EXIT.io)
}

/** `record`: the record whole, and the user of its subject. `json`: today's columns, but for JSON texts of Parquet's JSON type. */
export type Layout = 'current' | 'json' | 'record'

const CURRENT = Object.entries(EVENTS).map(([name, type]) => `${name} ${type}`)

const JSON_TYPED = CURRENT.map((column) => (JSON_COLUMNS.some((name) => column.startsWith(`${name} `)) ? column.replace('VARCHAR', 'JSON') : column))

const WITH_RECORD = JSON_TYPED.map((column) => (column === 'rest JSON' ? 'record JSON' : column)).flatMap((column) =>
  column === 'subject_uri VARCHAR' ? [column, 'subject_did VARCHAR'] : column)

const LAYOUTS: Record<Layout, readonly string[]> = { current: CURRENT, json: JSON_TYPED, record: WITH_RECORD }

export const LAYOUT_NAMES = Object.keys(LAYOUTS) as Layout[]

/** Which layout columns are of, each `name type` as DuckDB says it, in the order of the file; undefined where of none. */
export function layoutOf(columns: readonly string[]): Layout | undefined {
  return LAYOUT_NAMES.find((layout) => columns.join() === LAYOUTS[layout].join())
}

/** What is wrong with columns that are of no layout. */
export function columnProblem(columns: readonly string[]): { column: number; expected: string | undefined; got: string | undefined } | undefined {
  if (layoutOf(columns) !== undefined) return undefined
  for (let index = 0; ; index++) {
    if (columns[index] === CURRENT[index] || columns[index] === JSON_TYPED[index]) continue
    return { column: index + 1, expected: CURRENT[index], got: columns[index] }
  }
}
