import { open } from 'node:fs/promises'
import type { Session } from '../duckdb.ts'
import { exactly } from '../duckdb.ts'
import { FORMAT, newerFormat } from './format.ts'
import { sealedFormat } from './seal.ts'

/** Files looked at side by side. */
const AT_ONCE = 64

/** Of a file's end, so much holds what it says of its format, and is read first. */
const TAIL = 1024

/** Those of these files that say nothing of a format: of an older version, or damaged. Fails where one says that it is of a newer one. */
export async function unsealed(files: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (let at = 0; at < files.length; at += AT_ONCE) {
    const some = files.slice(at, at + AT_ONCE)
    const formats = await Promise.all(some.map((file) => formatAtEnd(file).catch(() => undefined)))
    for (const [index, file] of some.entries()) {
      const format = formats[index]
      if (format === undefined) found.push(file)
      else if (format > FORMAT) throw newerFormat(format, file)
    }
  }
  return found
}

/** Those of these files that are of the layout `record`, which has the record whole. One that cannot be read is none. Fails as {@link unsealed} does. */
export async function recordFiles(session: Session, files: readonly string[]): Promise<Set<string>> {
  const asked = await unsealed(files)
  const names = async (some: readonly string[]): Promise<string[]> => {
    const rows = await session.rows<{ file: string }>(
      `SELECT file_name AS file FROM parquet_schema(${exactly(...some)}) GROUP BY ALL HAVING bool_or(name = 'record') AND bool_or(name = 'subject_did') AND NOT bool_or(name = 'rest')`,
    )
    return rows.map(({ file }) => file)
  }
  const halve = async (some: readonly string[]): Promise<string[]> => {
    try {
      return await names(some)
    } catch {
      if (some.length === 1) return []
      const middle = some.length >> 1
      return [...(await halve(some.slice(0, middle))), ...(await halve(some.slice(middle)))]
    }
  }
  return new Set(asked.length === 0 ? [] : await halve(asked))
}

/**
 * Rows of files as SQL, with the columns of a file as they are stored today and any that `options` add; of type `texts` are those that are JSON
 * texts. `record` are those files of the layout that had the record whole: it is what no column needs to hold.
 */
export function rowsOf(files: readonly string[], record: ReadonlySet<string>, { options = 'hive_partitioning = false', texts = 'VARCHAR' } = {}): string {
  const today = files.filter((file) => !record.has(file))
  const older = files.filter((file) => record.has(file))
  const typed = (columns: string): string => `REPLACE (${columns}::${texts} AS ${columns}, extra::${texts} AS extra)`
  const branches = [
    ...(today.length > 0 || older.length === 0 ? [`SELECT * ${typed('rest')} FROM read_parquet(${exactly(...today)}, ${options})`] : []),
    ...(older.length > 0
      ? [`SELECT * RENAME (record AS rest) FROM (SELECT * EXCLUDE (subject_did) ${typed('record')} FROM read_parquet(${exactly(...older)}, ${options}))`]
      : []),
  ]
  return `(${branches.join(' UNION ALL BY NAME ')})`
}

async function formatAtEnd(path: string): Promise<number | undefined> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const length = Math.min(size, TAIL)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return sealedFormat(buffer.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}
