import { mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openEngine, quote } from '../../src/duckdb.ts'
import { openDisk } from '../../src/lake/disk.ts'
import { formatFile, formatWriter, HOUR_MS } from '../../src/lake/names.ts'
import { COLUMNS } from '../../src/lake/schema.ts'
import { seal } from '../../src/lake/seal.ts'

/** Spreads the events of a file over so many hours that end with this one, so many in each: a lake of one file an hour. */
const [source = '', lake = '', id = '', hours = '', perHour = ''] = process.argv.slice(2)
const [count, each] = [Number(hours), Number(perHour)]
const last = Math.floor(Date.now() / HOUR_MS) - 1
const disk = openDisk()
const writer = formatWriter(Date.now(), 0)
const engine = await openEngine({ threads: 2 })
const session = await engine.connect()
await session.run(`CREATE TABLE events AS SELECT ${COLUMNS} FROM read_parquet(${quote(source)}, hive_partitioning = false) ORDER BY event_time LIMIT ${count * each}`)
let next = 0
await Promise.all([engine.connect(), engine.connect()].map(async (connected) => write(await connected)))
engine.close()

async function write(one: typeof session): Promise<void> {
  for (let n = next++; n < count; n = next++) {
    const hour = last - count + 1 + n
    const time = `make_timestamptz(${hour * HOUR_MS * 1000} + (rowid - ${n * each}) * ${Math.floor((HOUR_MS * 1000) / each)}) AS event_time`
    const path = join(lake, formatFile({ hour, generation: 0, segment: { writer, sequence: n + 1 } }))
    mkdirSync(dirname(path), { recursive: true })
    const staged = join(dirname(lake), `${n}.parquet`)
    await one.run(
      `COPY (SELECT ${COLUMNS.replace('event_time', time)} FROM events WHERE rowid >= ${n * each} AND rowid < ${(n + 1) * each}) TO ${quote(staged)} (FORMAT parquet, COMPRESSION zstd)`,
    )
    await seal(disk, staged, { lake: id, step: 'stage.write' })
    renameSync(staged, path)
  }
}
