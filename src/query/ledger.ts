import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Column } from '../duckdb.ts'
import { DUCKDB_VERSION } from '../duckdb.ts'
import { codeOf } from '../failure.ts'
import { diskFailure } from '../lake/disk.ts'
import type { Cached } from './cache.ts'
import { damage, readCache, writeCache } from './cache.ts'
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

/** Of a ledger as it is kept. */
const FORMAT = 2

/**
 * What is kept in a directory, if it is of this version and whole; what is not is computed anew by this run, which `notice` is told.
 * So are all of a model's numbers where its ledger cannot be read, and those of some hours where the rows of these cannot.
 */
export async function readLedger(directory: string, version: string, notice: (text: string) => void): Promise<Ledger> {
  const { content: ledger, problem } = await load(directory)
  if (problem !== undefined) notice(anew(join(directory, LEDGER), problem))
  if (ledger?.version !== version) return { version, next: ledger?.next ?? 1, contributions: [] }
  const damages = await Promise.all(ledger.contributions.map((one) => damage(join(directory, one.rows), one)))
  for (const [place, { rows }] of ledger.contributions.entries()) {
    if (damages[place] !== undefined) notice(anew(join(directory, rows), damages[place]))
  }
  const contributions = ledger.contributions.filter((_, place) => damages[place] === undefined)
  return { ...ledger, contributions, query: ledger.query?.engine === DUCKDB_VERSION ? ledger.query : undefined }
}

/** What a run says of a cache that it cannot use. */
export function anew(path: string, problem: string): string {
  return `${path} is not what was kept there: ${problem}; made anew from the lake`
}

/** What is wrong with what is kept of a model, by the names of its files. */
export async function ledgerProblems(directory: string, { quick }: { quick: boolean }): Promise<Map<string, string>> {
  const { content, problem } = await load(directory)
  const found = new Map(problem === undefined ? [] : [[LEDGER, problem]])
  for (const one of content?.contributions ?? []) {
    const damaged = await damage(join(directory, one.rows), one, { quick })
    if (damaged !== undefined) found.set(one.rows, damaged)
  }
  return found
}

const LEDGER = 'ledger.json'

/** Of any version. */
function load(directory: string): Promise<Cached<Ledger>> {
  return readCache(join(directory, LEDGER), FORMAT)
}

/** The commit point is the rename of the ledger: before it the old rows count, after it the new ones, and what no ledger names is removed. */
export async function writeLedger(directory: string, scratch: string, ledger: Ledger): Promise<void> {
  await writeCache(join(directory, LEDGER), scratch, FORMAT, ledger)
  const named = new Set(ledger.contributions.map(({ rows }) => rows))
  for (const file of await readdir(directory)) {
    if (file.endsWith('.parquet') && !named.has(file)) await rm(join(directory, file), { recursive: true, force: true })
  }
}

/** After compaction: what is kept goes for the merged files, as long as they hold the same events. */
export async function replaceInLedgers(contributions: string, scratch: string, replaced: readonly Replaced[]): Promise<void> {
  if (replaced.length === 0) return
  for (const name of await keptModels(contributions)) {
    const directory = join(contributions, name)
    const { content: ledger } = await load(directory)
    if (ledger) await writeLedger(directory, scratch, { ...ledger, contributions: replaceParts(ledger.contributions, replaced) })
  }
}

/** Removes what is kept of models that are no more, or that do not accumulate any more. */
export async function forgetOthers(contributions: string, models: readonly Pick<Parsed, 'name' | 'header'>[]): Promise<void> {
  const known = new Set(models.filter(({ header }) => header.accumulates).map(({ name }) => keyOf(name)))
  const there = await lstat(contributions).catch(() => undefined)
  if (there && !there.isDirectory()) await rm(contributions)
  for (const name of await keptModels(contributions)) {
    if (!known.has(keyOf(name))) await rm(join(contributions, name), { recursive: true })
  }
}

/** Names of the models of which something is kept. */
export async function keptModels(contributions: string): Promise<string[]> {
  try {
    return await readdir(contributions)
  } catch (error) {
    // A file that stands there is no directory of anything: the next run removes it.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
    throw diskFailure('read directory', contributions, error)
  }
}

export async function forgetAll(contributions: string): Promise<void> {
  await rm(contributions, { recursive: true, force: true })
}
