import type { Dirent } from 'node:fs'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

/** A row of the lake as hyparquet, which shares no code with either writer, reads it. */
export type EventRow = Record<string, unknown> & { event_time: Date; did: string; rkey: string | null; rev: string | null }

/**
 * Every file below a directory, as paths relative to it, sorted; symlinks count as files, and are not followed. A directory that is
 * not there holds none, and so does one that a running writer renames meanwhile.
 */
export function tree(directory: string, below = ''): string[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(join(directory, below), { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return entries.flatMap((entry) => (entry.isDirectory() ? tree(directory, join(below, entry.name)) : [join(below, entry.name)])).sort()
}

/** The record of a row of a file: what its columns hold, put back into `rest`. Of records as these tests and the simulator make them. */
export function recordOf({ rest, text, langs, created_at: created, subject_uri: uri, reply_parent: parent }: EventRow): unknown {
  if (rest === null || rest === undefined) return null
  const record = structuredClone(rest) as Record<string, unknown> & { reply?: { parent: Record<string, unknown> } }
  if (typeof text === 'string') record['text'] ??= text
  if (Array.isArray(langs)) record['langs'] ??= langs
  if (created instanceof Date) record['createdAt'] ??= created.toISOString()
  if (typeof parent === 'string' && record.reply) record.reply.parent['uri'] ??= parent
  if (typeof uri !== 'string') return record
  if (record['subject'] === undefined) record['subject'] = uri
  else if (typeof record['subject'] === 'object') record['subject'] = { uri, ...record['subject'] }
  return record
}

/** All rows of all files of a lake; each is checked to be in the partition of its hour, under a name that a writer gives. */
export async function readLake(lake: string): Promise<EventRow[]> {
  const rows: EventRow[] = []
  for (const path of tree(lake)) {
    // What an exchange left for queries that had listed the lake before it.
    if (lstatSync(join(lake, path)).isSymbolicLink()) continue
    const match = /^date=(\d{4}-\d{2}-\d{2})\/hour=(\d{2})\/\d+\/[0-9A-Za-z.-]+\.parquet$/.exec(path)
    if (!match) throw new Error(`a stray file in the lake: ${path}`)
    for (const row of await readParquet(join(lake, path))) {
      const hour = row.event_time.toISOString().slice(0, 13)
      if (hour !== `${match[1]}T${match[2]}`) throw new Error(`${path} holds an event of ${hour}`)
      rows.push(row)
    }
  }
  return rows
}

export async function readParquet(path: string): Promise<EventRow[]> {
  const bytes = readFileSync(path)
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const rows = (await parquetReadObjects({ file, compressors })) as EventRow[]
  // Plain strings in a file; of an older one, hyparquet has parsed them.
  for (const row of rows) for (const name of ['rest', 'extra']) if (typeof row[name] === 'string') row[name] = JSON.parse(row[name])
  return rows
}

/** The dead letters below a state directory. */
export function readRejects(state: string): { reason: string; value?: string; line: number; text?: string; base64?: string; cut?: number; segment: string }[] {
  const directory = join(state, 'rejected')
  return tree(directory).flatMap((file) =>
    readFileSync(join(directory, file), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  )
}
