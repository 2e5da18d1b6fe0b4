import { lstat, readdir, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { Session } from '../duckdb.ts'
import { quote } from '../duckdb.ts'
import type { Merge } from './compaction.ts'
import { formatTrash } from './compaction.ts'
import type { Damaged } from './damaged.ts'
import { noteDamage } from './damage.ts'
import { describeDamage } from './damaged.ts'
import type { Disk } from './disk.ts'
import { engineFailure, list } from './disk.ts'
import { exchangeUnlisted } from './listing.ts'
import { formatFile, formatHour } from './names.ts'
import { PASSABLE } from './private.ts'
import { recordFiles, rowsOf } from './older.ts'
import { IDENTITY, STORED } from './schema.ts'
import { seal } from './seal.ts'
import { swapHour } from './swap.ts'
import type { LakePlace, Note } from './trash.ts'
import { carry, carryOver } from './trash.ts'

export interface Merged {
  hour: string
  /** Paths below the lake. */
  inputs: string[]
  outputs: string[]
  rows: number
  /** Identical events dropped. */
  repeated: number
  bytesBefore: number
  bytesAfter: number
}

export interface MergeSettings {
  targetBytes: number
  /** Rows of whole records in `rest`, as SQL, with what columns hold left out. */
  part?: (rows: string) => string
}

/**
 * How a compacted file is written. By user within action and collection: 10 M simulated events are 99 bytes each, 105 as written, and what asks
 * who did a thing finds each user in one place. With likes by what they point at, which brings the same uri and cid together, they are 95 bytes,
 * and their distinct users take 1.8 times as long; with all by what it points at, 96 bytes and 2.3 times.
 * Action first leaves row groups of one action, and a filter by it nothing to do: counts of what was created take 0.9 of the time.
 * Likes per minute and a search in posts take half the time of files as written, as in each order that keeps a collection together.
 * zstd's level 2 is smaller here than level 3 (0.99), and quicker. Row groups of 122,880, DuckDB's own, are 0.2 % smaller, and what asks of
 * posts alone takes 1.1 times as long.
 * A dictionary may have a third as many values as a row group has rows, where DuckDB gives up at a fifth: 1 M events are 99 bytes each instead of 98, of
 * 10 M each is one thousandth larger; but most of the users of 1 M stand in dictionaries too, and counting them takes 0.87 of the time.
 * At half of the rows the bytes are 1.02 times, and compaction takes 1.14.
 */
export const PARTS = {
  order: 'action, collection, did, event_time, rkey',
  format: 'FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 2, ROW_GROUP_SIZE 61440, DICTIONARY_SIZE_LIMIT 20480',
}

/**
 * Merges the files of one hour, invisibly to `read_parquet('lake/**')`.
 *
 * The next hour directory is built in `trash/<id>`: the merged files in the next generation, hard links of the files that go on
 * as they are, and for each old generation a symlink to where it will be, `trash/<id>/<old>`. One exchange of the two directories
 * makes it all true at once: a new listing does not follow the symlinks and sees the merged files alone, a query that
 * listed before opens its old paths through them.
 */
export async function compact(place: LakePlace, session: Session, merge: Merge, settings: MergeSettings): Promise<Merged> {
  const { lake, state, id, disk } = place
  const next = merge.generation + 1
  const old = join(lake, formatHour(merge.hour))
  const fresh = join(state, 'trash', formatTrash(merge.hour, next))
  const built = join(fresh, String(next))
  await disk.makeDirectory(dirname(fresh), 'places.make', PASSABLE)
  await disk.makeDirectory(built, 'compact.build')

  const { rows, repeated } = await writeParts(session, merge, { lake, directory: built, ...settings }).catch(async (error: unknown) => {
    const damaged: Damaged = new Map()
    if (!(await noteDamage(session, merge.inputs.map(({ path }) => join(lake, path)), error, damaged))) throw engineFailure(built, error)
    await disk.removeTree(fresh, 'undo.remove')
    throw new DamagedInput([...damaged].map(([file, reason]) => describeDamage(file, reason))[0])
  })
  // DuckDB numbers them without leading zeros.
  for (const file of await list(built)) {
    const part = Number(/\d+/.exec(file)?.[0])
    await disk.rename(join(built, file), join(built, basename(formatFile({ hour: merge.hour, generation: next, part }))), 'compact.build')
  }
  const written = await list(built)
  for (const file of written) {
    await seal(disk, join(built, file), { lake: id, step: 'compact.seal' })
    await disk.sync(join(built, file), 'compact.sync')
  }
  await linkOldGenerations(disk, old, fresh)

  const note: Note = { generation: merge.generation, inputs: merge.inputs.map(({ path }) => basename(path)), outputs: written }
  await disk.write(`${fresh}.json.new`, JSON.stringify(note), 'compact.note')
  await disk.sync(`${fresh}.json.new`, 'compact.note')
  await disk.rename(`${fresh}.json.new`, `${fresh}.json`, 'compact.note')
  for (const directory of [built, fresh, dirname(fresh)]) await disk.sync(directory, 'compact.settle')
  await exchangeUnlisted(old, {
    // As late as can be: what comes between this and the exchange is out of sight until it is carried over.
    prepare: () => carry(disk, join(old, String(merge.generation)), built, { taken: note.inputs, step: 'compact.carry' }),
    // The commit point: before it readers list the old files, after it the merged ones, and never both.
    exchange: () => swapHour(disk, old, fresh, { from: merge.generation, to: next }),
  })
  await carryOver(place, basename(fresh))

  const outputs = written.map((file) => `${formatHour(merge.hour)}/${next}/${file}`)
  const sizes = await Promise.all(outputs.map((path) => lstat(join(lake, path))))
  return {
    hour: formatHour(merge.hour),
    inputs: merge.inputs.map(({ path }) => path),
    outputs,
    rows,
    repeated,
    bytesBefore: merge.bytes,
    bytesAfter: sizes.reduce((sum, { size }) => sum + size, 0),
  }
}

/** Thrown where a file to be merged is damaged: the hour is left as it is. */
export class DamagedInput extends Error {}

/**
 * Writes the rows of a merge, sorted, as one file or several of about the same size, `0.parquet`, …, and gives how many there are, and how many were repetitions.
 *
 * One sort and one scan whatever the number of files: a part of the rows at a time, by a hash, took 1.15 times as long and gave 2 % more bytes.
 * Sorted row groups come out whole, but of several files not all of them in the order of their ranges.
 */
async function writeParts(
  session: Session,
  merge: Merge,
  { lake, directory, targetBytes, ...settings }: MergeSettings & { lake: string; directory: string },
): Promise<{ rows: number; repeated: number }> {
  const files = merge.inputs.map(({ path }) => join(lake, path))
  const record = await recordFiles(session, files)
  // Whole records of an older layout are taken apart where that is asked for; both say the same.
  const inputs = record.size > 0 && settings.part ? settings.part(rowsOf(files, record)) : rowsOf(files, record)
  const [counted] = await session.rows<{ repeated: bigint }>(`SELECT (count(*) - count(DISTINCT ${IDENTITY}))::BIGINT AS repeated FROM ${inputs}`)
  const repeated = Number(counted?.repeated)
  const unique = repeated > 0 ? ` QUALIFY row_number() OVER (PARTITION BY ${IDENTITY} ORDER BY event_time, ingested_at) = 1` : ''
  const rows = `SELECT ${STORED} FROM ${inputs}${unique} ORDER BY ${PARTS.order}`
  // They come out smaller than they went in, so of the last there may be little.
  const parts = Math.max(1, Math.round(merge.bytes / targetBytes))
  const to = parts === 1
    ? `${quote(join(directory, '0.parquet'))} (${PARTS.format})`
    : `${quote(directory)} (${PARTS.format}, FILE_SIZE_BYTES ${Math.ceil(merge.bytes / parts)}, FILENAME_PATTERN '{i}', OVERWRITE_OR_IGNORE)`
  const [done] = await session.rows<{ Count: bigint }>(`COPY (${rows}) TO ${to}`)
  return { rows: Number(done?.Count), repeated }
}

/**
 * In the new hour directory, a symlink for every generation of the old one. Relative, so that lake and state can move together. A stranger's file is
 * linked as it is, and a stranger's directory too is reached through a symlink, until it comes back when the trash is emptied.
 */
async function linkOldGenerations(disk: Disk, old: string, fresh: string): Promise<void> {
  const way = relative(await realpath(old), await realpath(fresh))
  for (const entry of await readdir(old, { withFileTypes: true })) {
    if (entry.isFile()) {
      await disk.link(join(old, entry.name), join(fresh, entry.name), 'compact.symlink')
      continue
    }
    const text = entry.isSymbolicLink() ? await readlink(join(old, entry.name)) : join(way, entry.name)
    await disk.symlink(text, join(fresh, entry.name), 'compact.symlink')
  }
}
