import * as v from 'valibot'
import { parseDuration } from '../quantity.ts'
import { parseYaml } from '../yaml.ts'
import { nearest } from '../did-you-mean.ts'
import type { Problem } from './problem.ts'

const text = v.pipe(v.string(), v.trim(), v.nonEmpty())
const names = v.pipe(v.array(text), v.nonEmpty())
const severity = { severity: v.optional(v.picklist(['warn', 'error']), 'error') }
const scalar = v.union([v.string(), v.number(), v.boolean()])
const bound = v.optional(v.union([v.number(), v.string()]))

const RANGE = { min: bound, max: bound }
const RELATIONSHIPS = { to: text, column: text }
const TESTS = {
  unique: v.optional(v.literal(true)),
  not_null: v.optional(v.literal(true)),
  accepted_values: v.optional(v.pipe(v.array(scalar), v.nonEmpty())),
  relationships: v.optional(v.strictObject(RELATIONSHIPS)),
  range: v.optional(v.strictObject(RANGE)),
}

/** What a column's values must be: one test, which may stand as a bare word, and how bad it is if they are not. */
const COLUMN_TEST = { ...TESTS, ...severity }
const columnTest = v.pipe(
  v.union([v.string(), v.record(v.string(), v.unknown())], 'a test such as unique or range: {min: 0}'),
  v.transform((test) => (typeof test === 'string' ? { [test]: true } : test)),
  v.strictObject(COLUMN_TEST),
  v.check((test) => Object.keys(TESTS).filter((name) => name in test).length === 1, `expected one of ${Object.keys(TESTS).join(', ')}`),
)

const duration = v.pipe(
  v.union([v.string(), v.number()]),
  v.transform(String),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return parseDuration(dataset.value)
    } catch (error) {
      addIssue({ message: `expected ${(error as Error).message}` })
      return NEVER
    }
  }),
)

/**
 * How what parts of the stream say about a model becomes what the whole says; without it, the model is computed anew each time.
 * `rows`: the rows of all parts together. `distinct`: the same, each row once. Else columns that are added up (or of which the least or
 * greatest counts), by all the others. `window`: no row depends on events further apart than this (ms).
 */
const ACCUMULATES = { rows: v.optional(v.literal(true)), distinct: v.optional(v.literal(true)), sum: v.optional(names), min: v.optional(names), max: v.optional(names), window: v.optional(duration) }
const accumulates = v.pipe(
  v.strictObject(ACCUMULATES),
  v.check(
    ({ rows, distinct, sum, min, max }) => [rows, distinct, [sum, min, max].some(Boolean) || undefined].filter(Boolean).length === 1,
    'expected one of rows: true, distinct: true, and columns to sum, min or max',
  ),
  v.check(
    ({ rows, distinct, sum, window }) => window === undefined || !(rows ?? distinct ?? sum),
    'expected window beside min or max alone: windows overlap, and what lies in two of them would count twice',
  ),
)

const COLUMN = { type: v.optional(text), description: v.optional(text), tests: v.optional(v.array(columnTest), []) }
const MODEL_TEST = { unique: names, ...severity }
const header = v.strictObject({
  description: v.optional(text),
  grain: v.optional(text),
  columns: v.optional(v.record(text, v.strictObject(COLUMN)), {}),
  tests: v.optional(v.array(v.strictObject(MODEL_TEST)), []),
  tags: v.optional(v.array(text), []),
  sinks: v.optional(v.array(v.picklist(['csv']))),
  accumulates: v.optional(accumulates),
})

/** What a query that must return no rows says about itself. */
const testHeader = v.strictObject({ description: v.optional(text), tags: v.optional(v.array(text), []), ...severity })

/** How old the newest event may be, ms. */
const LIMITS = { warn: v.optional(duration), error: v.optional(duration) }
const limited = v.check<{ warn?: number | undefined; error?: number | undefined }, string>(
  ({ warn, error }) => (warn ?? error) !== undefined && (warn ?? 0) <= (error ?? Infinity),
  'expected warn, error or both, warn not above error',
)
const collection = v.pipe(v.strictObject(LIMITS), limited)
const freshness = v.pipe(v.strictObject({ ...LIMITS, collections: v.optional(v.record(text, collection), {}) }), v.check(
  ({ warn, error, collections }) => (warn === undefined && error === undefined ? Object.keys(collections).length > 0 : (warn ?? 0) <= (error ?? Infinity)),
  'expected warn, error, collections or several of them, warn not above error',
))
const sources = v.strictObject({ events: v.optional(v.strictObject({ description: v.optional(text), freshness: v.optional(freshness) })) })

export type Header = v.InferOutput<typeof header>
export type ColumnTest = v.InferOutput<typeof columnTest>
export type Accumulates = v.InferOutput<typeof accumulates>
export type Severity = ColumnTest['severity']
export type Sources = v.InferOutput<typeof sources>
export type FreshnessLimits = v.InferOutput<typeof freshness>

/** Places in what was parsed, as lines of its file. */
export type LineOf = (path: readonly (string | number)[]) => number

/** The YAML block in the leading comment of a model's SQL, with the lines above it kept as empty ones, so that lines are the file's. */
export function headerText(sql: string): string | undefined {
  const match = /^(\s*)\/\*([\s\S]*?)\*\//.exec(sql)
  return match ? (match[1] as string).replace(/[^\n]/g, '') + (match[2] as string) : undefined
}

export const UNDOCUMENTED: Header = v.parse(header, {})

type Declared<T> = { value: T; lineOf: LineOf } | { problem: Problem }

/** A model's header, or what is wrong with it. An empty text is the header of a model that says nothing about itself. */
export async function parseHeader(file: string, yaml: string | undefined): Promise<{ header: Header; lineOf?: LineOf } | { problem: Problem }> {
  const parsed = await parseDeclaration(file, yaml, header)
  if (parsed === undefined) return { header: UNDOCUMENTED }
  return 'problem' in parsed ? parsed : { header: parsed.value, lineOf: parsed.lineOf }
}

/** The same for a query that must return no rows. */
export async function parseTestHeader(file: string, yaml: string | undefined): Promise<{ header: Header; severity: Severity } | { problem: Problem }> {
  const parsed = await parseDeclaration(file, yaml, testHeader)
  if (parsed === undefined) return { header: UNDOCUMENTED, severity: 'error' }
  if ('problem' in parsed) return parsed
  const { severity, ...rest } = parsed.value
  return { header: { ...UNDOCUMENTED, ...rest }, severity }
}

/** What `sources.yaml` says of the relations that the engine binds. */
export async function parseSources(file: string, yaml: string): Promise<{ sources: Sources } | { problem: Problem }> {
  const parsed = await parseDeclaration(file, yaml, sources)
  if (parsed === undefined) return { sources: {} }
  return 'problem' in parsed ? parsed : { sources: parsed.value }
}

/** Undefined where nothing is declared: a comment that is not a mapping is a comment. */
async function parseDeclaration<S extends v.GenericSchema>(file: string, yaml: string | undefined, schema: S): Promise<Declared<v.InferOutput<S>> | undefined> {
  if (yaml === undefined || yaml.trim() === '') return undefined
  const parsed = await parseYaml(yaml)
  if ('problem' in parsed) {
    return { problem: { file, ...(parsed.line === undefined ? {} : { line: parsed.line }), message: `expected a header in YAML, got: ${parsed.problem}` } }
  }
  if (typeof parsed.value !== 'object' || parsed.value === null || Array.isArray(parsed.value)) return undefined
  const result = v.safeParse(schema, parsed.value)
  if (result.success) return { value: result.output, lineOf: parsed.lineOf }
  const [issue] = result.issues
  const path = (issue.path ?? []).map(({ key }) => key as string | number)
  return { problem: { file, line: parsed.lineOf(path), message: messageOf(issue, path, schema) } }
}

function messageOf({ type, expected, received, message }: v.BaseIssue<unknown>, path: readonly (string | number)[], schema: v.GenericSchema): string {
  const place = path.slice(0, -1).join('.')
  if (type === 'strict_object' && expected === 'never') {
    const known = keysAt(schema as Shape, path)
    const close = nearest(String(path.at(-1)), known)
    return `expected ${place === '' ? '' : `in ${place} `}one of ${known.join(', ')}, got \`${path.at(-1)}\`${close === undefined ? '' : `; did you mean \`${close}\`?`}`
  }
  if (type === 'check' || type === 'raw_transform') return `${path.join('.')}: ${message}`
  return `${path.join('.')}: expected ${expected}, got ${received === 'undefined' ? 'nothing' : received}`
}

/** As much of a schema as says which keys it knows. */
interface Shape {
  kind: string
  pipe?: readonly Shape[]
  wrapped?: Shape
  entries?: Record<string, Shape>
  item?: Shape
  value?: Shape
}

/** The keys that may stand beside the one that this path ends in. */
function keysAt(shape: Shape | undefined, path: readonly (string | number)[]): string[] {
  // The last schema of a pipe is of what the steps before it have made.
  const { wrapped, entries, item, value } = shape?.pipe?.filter(({ kind }) => kind === 'schema').at(-1) ?? shape ?? {}
  if (wrapped) return keysAt(wrapped, path)
  const [key = '', ...rest] = path
  if (rest.length === 0) return Object.keys(entries ?? {})
  return keysAt(entries?.[key] ?? item ?? value, rest)
}
