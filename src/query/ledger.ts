import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Column } from '../duckdb.ts'
import { DUCKDB_VERSION } from '../duckdb.ts'
import { EXIT, Failure, messageOf } from '../failure.ts'
import type { Contribution, Replaced } from './contribution.ts'
import { replaceParts } from './contribution.ts'
import { keyOf } from './models.ts'
import type { Parsed } from './parse.ts'

/** What is kept of one model: `<state>/contributions/<model>/ledger.json`, and beside it the rows that it names. */
export interface Ledger {
  /** Of the model, its dependencies and this format: contributions of another one are of no use. */
  version: string
  /** Number of the next file of rows. */
  next: number
  /** Known once there is a contribution. */
  query?: Query | undefined
  contributions: Contribution[]
}

/** How a model is asked of parts of the stream, and what they give together. */
export interface Query {
  /** The version of DuckDB that says so. */
  engine: string
  /** Of types that Parquet keeps. */
  columns: Column[]
  /** A SELECT over `events` that are a part. */
  body: string
  /** A SELECT from `combined`, all that the parts gave; absent where their order and number do not matter. */
  order?: string
}

/** Part of what {@link Ledger.version} is: raised when the same ledger would mean something else. */
const FORMAT = 1

const ANEW = 'run periodic --full, which computes all of it anew'

/** The failure that an error of a query really is, if what is kept is at fault and not the query. */
export function keptFailure(contributions: string, error: unknown): Failure | undefined {
  const said = messageOf(error)
  if (!said.includes(`${contributions}/`)) return undefined
  return new Failure(`expected what is kept in ${contributions} to be whole, got: ${said.split(' LINE ', 1)[0]}; ${ANEW}`, EXIT.io)
}

/** What is kept in a directory, if it is of this version. */
export async function readLedger(directory: string, version: string): Promise<Ledger> {
  const expected = `${FORMAT} ${version}`
  const ledger = await load(directory)
  if (ledger?.version !== expected) return { version: expected, next: ledger?.next ?? 1, contributions: [] }
  return { ...ledger, query: ledger.query?.engine === DUCKDB_VERSION ? ledger.query : undefined }
}

/** Of any version; undefined where nothing is kept. */
async function load(directory: string): Promise<Ledger | undefined> {
  const path = join(directory, 'ledger.json')
  if (!existsSync(path)) return undefined
  try {
    const ledger = JSON.parse(await readFile(path, 'utf8')) as Ledger
    for (const { rows } of ledger.contributions) if (!existsSync(join(directory, rows))) throw new Error(`${rows} is missing`)
    return ledger
  } catch (error) {
    throw new Failure(`expected ${path} to list what is kept of a model, got: ${messageOf(error)}; ${ANEW}`, EXIT.io)
  }
}

/** The commit point is the rename: before it the old rows count, after it the new ones, and what no ledger names is removed. */
export async function writeLedger(directory: string, scratch: string, ledger: Ledger): Promise<void> {
  const written = join(scratch, 'ledger.json')
  await writeFile(written, `${JSON.stringify(ledger)}\n`)
  await mkdir(directory, { recursive: true })
  await rename(written, join(directory, 'ledger.json'))
  const named = new Set(ledger.contributions.map(({ rows }) => rows))
  for (const file of await readdir(directory)) if (file.endsWith('.parquet') && !named.has(file)) await rm(join(directory, file))
}

/** After compaction: what is kept goes for the merged files, as long as they hold the same events. */
export async function replaceInLedgers(contributions: string, scratch: string, replaced: readonly Replaced[]): Promise<void> {
  if (replaced.length === 0 || !existsSync(contributions)) return
  for (const name of await readdir(contributions)) {
    const directory = join(contributions, name)
    const ledger = await load(directory)
    if (ledger) await writeLedger(directory, scratch, { ...ledger, contributions: replaceParts(ledger.contributions, replaced) })
  }
}

/** Removes what is kept of models that are no more, or that do not accumulate any more. */
export async function forgetOthers(contributions: string, models: readonly Pick<Parsed, 'name' | 'header'>[]): Promise<void> {
  const known = new Set(models.filter(({ header }) => header.accumulates).map(({ name }) => keyOf(name)))
  for (const name of existsSync(contributions) ? await readdir(contributions) : []) {
    if (!known.has(keyOf(name))) await rm(join(contributions, name), { recursive: true })
  }
}

export async function forgetAll(contributions: string): Promise<void> {
  await rm(contributions, { recursive: true, force: true })
}
