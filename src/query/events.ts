import type { Session } from '../duckdb.ts'
import { exactly, quote } from '../duckdb.ts'
import { EXIT, Failure, messageOf } from '../failure.ts'
import { DERIVED, DERIVED_COLUMNS } from '../lake/derived.ts'
import { AS_JSON, columnDefinitions, EVENTS, JSON_COLUMNS } from '../lake/schema.ts'
import type { Part, Snapshot } from '../lake/snapshot.ts'
import type { Contents } from './contents.ts'
import { look } from './contents.ts'

/** Without the types, hour=08 is a text and hour=8 a number. */
const HIVE = 'hive_partitioning = true, hive_types = {date: DATE, hour: BIGINT}'

/** The columns of `events`, as CREATE TABLE takes them: those of a file, its partition's, and derived ones. */
export function eventsDefinition(): string {
  return `${columnDefinitions(JSON_COLUMNS)}, date DATE, hour BIGINT, ${Object.entries(DERIVED).map(([name, { type }]) => `${name} ${type}`).join(', ')}`
}

/** Files of the lake, a SQL list or a pattern of them, as a relation with the columns of `events`. */
export function relation(files: string): string {
  return `(SELECT * REPLACE (${AS_JSON}), ${DERIVED_COLUMNS} FROM read_parquet(${files}, ${HIVE}))`
}

export function readEvents(files: readonly string[]): string {
  return relation(exactly(...files))
}

/** Binds `events` to a snapshot's files, for the other sessions of this engine too. */
export async function bindEvents(session: Session, snapshot: Snapshot, others: readonly Session[] = []): Promise<void> {
  if (snapshot.files.length === 0) return session.run(`CREATE TABLE events (${eventsDefinition()})`)
  await ofLake(session, snapshot, async () => {
    for (const one of [session, ...others]) await one.run(`SET VARIABLE lake_files = ${exactly(...snapshot.files)}`)
    await session.run(`CREATE VIEW events AS FROM ${relation("getvariable('lake_files')")}`)
  })
}

/** What `look` finds in the files of the lake. What they are to blame for is said so. */
export async function lookAtLake(session: Session, snapshot: Snapshot, parts: readonly Part[], known: Contents): Promise<Contents> {
  return ofLake(session, snapshot, () => look(session, parts, known))
}

async function ofLake<T>(session: Session, snapshot: Snapshot, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw (await lakeFailure(session, snapshot, error)) ?? (await columnFailure(session, snapshot)) ?? error
  }
}

/** The failure that an error of a query really is, if a file of the lake is at fault and not the query. */
export async function lakeFailure(session: Session, { files }: Snapshot, error: unknown): Promise<Failure | undefined> {
  const said = messageOf(error)
  // Quoted as DuckDB does, so that no name is found inside a longer one.
  const mentioned = files
    .flatMap((file) => [said.indexOf(`'${file}'`), said.indexOf(`"${file}"`)].map((at) => ({ file, at })))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at)[0]
  if (mentioned) return failure(mentioned.file, said)
  // What is wrong inside a file's pages is reported without the file's name.
  if (!/^(Invalid|Serialization) Error|thrift|TProtocol|decompress|corrupt|out of buffer/i.test(said)) return undefined
  for (const file of files) {
    try {
      await session.rows(`SELECT bit_xor(hash(columns(*))) FROM read_parquet(${exactly(file)}, hive_partitioning = false)`)
    } catch (found) {
      return failure(file, messageOf(found))
    }
  }
  return undefined
}

/** The failure that a file is, if one lacks a column: of one that was read first, DuckDB says the column alone. */
async function columnFailure(session: Session, { files }: Snapshot): Promise<Failure | undefined> {
  const columns = Object.keys(EVENTS).map(quote).join(', ')
  const [found] = await session.rows<{ file: string; missing: string }>(
    `SELECT file, array_to_string(list_filter([${columns}], lambda name: NOT list_contains(names, name)), ', ') AS missing
     FROM (SELECT file_name AS file, list(name) AS names FROM parquet_schema(${exactly(...files)}) GROUP BY ALL) WHERE missing <> '' ORDER BY file LIMIT 1`,
  )
  return found && failure(found.file, `none named ${found.missing}`)
}

function failure(file: string, said: string): Failure {
  const reason = said.split(' LINE ', 1)[0]
  return new Failure(`expected ${file} to be a complete Parquet file with the lake's columns, got: ${reason}; move it out of the lake`, EXIT.io)
}
