import { lstatSync } from 'node:fs'
import type { Session } from '../duckdb.ts'
import { exactly, quote } from '../duckdb.ts'
import { messageOf } from '../failure.ts'
import { printable } from '../printable.ts'
import type { Damaged } from './damaged.ts'
import { EVENTS } from './schema.ts'

/** Errors of the machine or of the statement, whatever file they name. */
const NOT_OF_FILES = /^(Out of Memory|INTERRUPT|Parser|Catalog|Connection) Error|Too many open files|Cannot allocate memory/

/** DuckDB's errors about the inside of a file, which it does not name. */
const OF_CONTENT = /^(Invalid|Serialization) Error|thrift|TProtocol|decompress|corrupt|out of buffer/i

/** The first of these files that an error of a query is about, noted; false where the error is about something else. */
export async function noteDamage(session: Session, files: readonly string[], error: unknown, damaged: Damaged): Promise<boolean> {
  const said = messageOf(error)
  if (files.length === 0 || NOT_OF_FILES.test(said)) return false
  // Quoted as DuckDB does, so that no name is found inside a longer one. A file that was retired meanwhile is not damaged.
  const [mentioned] = files
    .flatMap((file) => [said.indexOf(`'${file}'`), said.indexOf(`"${file}"`)].map((at) => ({ file, at })))
    .filter(({ file, at }) => at >= 0 && isThere(file))
    .sort((a, b) => a.at - b.at)
  if (mentioned) {
    damaged.set(mentioned.file, reasonOf(error, mentioned.file))
    return true
  }
  if (OF_CONTENT.test(said)) {
    for (const file of files.filter((file) => !damaged.has(file))) {
      try {
        await session.rows(`SELECT bit_xor(hash(columns(*))) FROM read_parquet(${exactly(file)}, hive_partitioning = false)`)
      } catch (found) {
        damaged.set(file, reasonOf(found, file))
        return true
      }
    }
  }
  return false
}

/** Reads files, but not those that turn out to be damaged meanwhile, which are noted; of those that nobody has looked at, see `readFresh`. `read` may be given none. */
export async function readSound<T>(session: Session, files: readonly string[], damaged: Damaged, read: (sound: string[]) => Promise<T>): Promise<T> {
  for (;;) {
    const sound = files.filter((file) => !damaged.has(file))
    try {
      return await read(sound)
    } catch (error) {
      if (!(await noteDamage(session, sound, error, damaged))) throw error
    }
  }
}

/** The same of files that nobody has looked at yet: their columns may be those of another table. */
export async function readFresh<T>(session: Session, files: readonly string[], damaged: Damaged, read: (sound: string[]) => Promise<T>): Promise<T> {
  const lacking = await readSound(session, files, damaged, (sound) => lackingColumns(session, sound))
  for (const [file, reason] of lacking) damaged.set(file, reason)
  return readSound(session, files, damaged, read)
}

/** Reads files together; where that fails, by halves, so that the sound ones are read and each damaged one is noted. */
export async function readByHalves(files: readonly string[], damaged: Damaged, read: (files: readonly string[]) => Promise<void>): Promise<void> {
  if (files.length === 0) return
  try {
    await read(files)
  } catch (error) {
    if (NOT_OF_FILES.test(messageOf(error))) throw error
    const middle = files.length >> 1
    if (middle > 0) {
      await readByHalves(files.slice(0, middle), damaged, read)
      await readByHalves(files.slice(middle), damaged, read)
      return
    }
    const [file = ''] = files
    if (isThere(file)) damaged.set(file, reasonOf(error, file))
  }
}

/** Files that open, but lack columns of the lake, or have others under their names. Those of the layout `record` lack none. */
export async function lackingColumns(session: Session, files: readonly string[]): Promise<Damaged> {
  if (files.length === 0) return new Map()
  const columns = Object.entries(EVENTS).map(([name, type]) => quote(`${name} ${/^TIMESTAMP/.test(type) ? 'INT64' : type.endsWith('[]') ? '' : 'BYTE_ARRAY'}`)).join(', ')
  const found = await session.rows<{ file: string; missing: string }>(
    `SELECT file, array_to_string(list_filter([${columns}], lambda wanted: NOT list_contains(held, wanted)), ', ') AS missing
     FROM (SELECT file, CASE WHEN len(list_intersect(held, ['record BYTE_ARRAY', 'subject_did BYTE_ARRAY'])) = 2 THEN list_append(held, 'rest BYTE_ARRAY') ELSE held END AS held
       FROM (SELECT file_name AS file, list(concat(name, ' ', type)) AS held FROM parquet_schema(${exactly(...files)}) GROUP BY ALL))
     WHERE missing <> '' ORDER BY file`,
  )
  return new Map(found.map(({ file, missing }) => [file, `no column ${missing.replace(/ (INT64|BYTE_ARRAY)/g, '')}`]))
}

/** Its name is said before it. */
function reasonOf(error: unknown, file: string): string {
  const [said = ''] = messageOf(error).split(' LINE ', 1)
  const named = [`'${file}'`, `"${file}"`].reduce((text, name) => text.replaceAll(`ile ${name}`, 'ile'), said)
  return printable(named.replace(/^[A-Za-z ]+ Error: (Failed to read file: )?/, ''))
}

function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined
}
