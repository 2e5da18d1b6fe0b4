import type { Session } from '../duckdb.ts'
import { exactly, listOf, quote } from '../duckdb.ts'
import { messageOf } from '../failure.ts'
import type { Damaged } from '../lake/damaged.ts'
import { noteDamage } from '../lake/damage.ts'
import { describeDamage } from '../lake/damaged.ts'
import { DERIVED, DERIVED_COLUMNS } from '../lake/derived.ts'
import { rowsOf } from '../lake/older.ts'
import { AS_JSON, columnDefinitions, JSON_COLUMNS } from '../lake/schema.ts'
import type { Part } from '../lake/snapshot.ts'

/** Without the types, hour=08 is a text and hour=8 a number. */
const HIVE = 'hive_partitioning = true, hive_types = {date: DATE, hour: BIGINT}'

/** The columns of `events`, as CREATE TABLE takes them: those of a file, its partition's, and derived ones. */
export function eventsDefinition(): string {
  return `${columnDefinitions(JSON_COLUMNS)}, date DATE, hour BIGINT, ${Object.entries(DERIVED).map(([name, { type }]) => `${name} ${type}`).join(', ')}`
}

/** Files of the lake, a SQL list or a pattern of them, as a relation with the columns of `events`. */
export function relation(files: string): string {
  return derived(stored(files))
}

/** Their columns as they are stored, in a file and in its partition's name. */
export function stored(files: string): string {
  return `read_parquet(${files}, ${HIVE})`
}

/** The columns of `events` from stored ones. */
export function derived(from: string): string {
  return `(SELECT * REPLACE (${AS_JSON}), ${DERIVED_COLUMNS} FROM ${from})`
}

export function readEvents(parts: readonly Part[]): string {
  const files = parts.map(({ path }) => path)
  const record = recordOf(parts)
  return record.size === 0 ? relation(exactly(...files)) : `(SELECT *, ${DERIVED_COLUMNS} FROM ${rowsOf(files, record, { options: HIVE, texts: 'JSON' })})`
}

/**
 * Binds `events` to the files of a lake, for the other sessions of this engine too. While one of them is damaged, whatever reads `events` fails
 * with a sentence about it: some damage would go unnoticed where a query has no need of the column.
 */
export async function bindEvents(session: Session, parts: readonly Part[], damaged: Damaged = new Map(), others: readonly Session[] = []): Promise<void> {
  const sound = parts.filter(({ path }) => !damaged.has(path))
  const [first] = damaged
  if (sound.length === 0 || first) await session.run(`CREATE TABLE ${first ? 'no_events' : 'events'} (${eventsDefinition()})`)
  if (sound.length === 0 && !first) return
  const one = sound.at(-1)
  for (const each of [session, ...others]) {
    await each.run(`SET VARIABLE all_files = ${listOf(sound.map(({ path }) => path))}; SET VARIABLE one_file = ${exactly(...(one ? [one.path] : []))}`)
    await each.run("SET VARIABLE lake_files = 'all_files'")
  }
  const whole = sound.length === 0 ? 'no_events' : recordOf(sound).size > 0 ? readEvents(sound) : relation("getvariable(getvariable('lake_files'))")
  const refusal = first && `SELECT no_events.* FROM (SELECT ${quote(describeDamage(...first))} AS said) LEFT JOIN no_events ON true WHERE error(said)`
  await withoutRows(session, () => session.run(`CREATE VIEW events AS FROM ${whole}${refusal === undefined ? '' : ` UNION ALL BY NAME ${refusal}`}`))
}

/**
 * Has a session bind names to `events` without reading rows: it sees one file of the lake meanwhile. To bind something to 17,000 files takes 200 ms each
 * time. The whole lake is what a session sees otherwise, so that whoever forgets this is slow and not wrong.
 */
export async function withoutRows<T>(session: Session, bind: () => Promise<T>): Promise<T> {
  await session.run("SET VARIABLE lake_files = 'one_file'")
  try {
    return await bind()
  } finally {
    await session.run("SET VARIABLE lake_files = 'all_files'")
  }
}

function recordOf(parts: readonly Part[]): Set<string> {
  return new Set(parts.filter(({ record }) => record).map(({ path }) => path))
}

/** A model that cannot be computed, since a file of the lake that it needs is damaged. */
export class Unreadable extends Error {}

/** What an error of a query really is, if a file of the lake is at fault and not the query. */
export async function unreadable(session: Session, files: readonly string[], error: unknown, damaged: Damaged = new Map()): Promise<Unreadable | undefined> {
  const known = [...damaged].find(([file]) => messageOf(error).includes(file))
  const found: Damaged = new Map(known && [known])
  if (!known && !(await noteDamage(session, files, error, found))) return undefined
  for (const [file, reason] of found) damaged.set(file, reason)
  return new Unreadable(describeDamage(...([...found][0] as [string, string])))
}
