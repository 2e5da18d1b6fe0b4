import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { TestContext } from 'node:test'
import { openEngine, quote } from '../../src/duckdb.ts'
import { DERIVED_COLUMNS } from '../../src/lake/derived.ts'
import { EVENTS } from '../../src/lake/schema.ts'
import { readRejects, tree } from '../lake.ts'
import { eventLines, random } from '../lines.ts'
import type { Result } from '../process.ts'
import { ROOT, run, workplace } from '../process.ts'
import { damaged } from './damaged.ts'

/**
 * A case: input.ndjson goes through `./handle-stream` with each writer, and expected.json says what must become of it.
 * `rows` are those of the lake by hour and line, each with as many of its columns as matter.
 */
interface Case {
  args?: string[]
  /** Rows by partition. */
  hours: Record<string, number>
  repeated?: number
  rejects: Told[]
  rows: Record<string, unknown>[]
}

/** Of a reject, with the value at fault where there is one. */
type Told = [line: number, reason: string, value?: string]

const CASES = join(ROOT, 'test', 'cases', 'ingest')
const WRITERS = ['duckdb', 'parquetjs'] as const

const engine = await openEngine({ threads: 1 })
const session = await engine.connect()
after(() => engine.close())

/** JSON with every whole number as a text with its digits, so that one beyond 2^53 is compared whole. -0 is 0 to DuckDB. */
function exact(json: string): unknown {
  return JSON.parse(
    json.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
      token.startsWith('"') || /[.eE]/.test(token) ? token : `"${token === '-0' ? 'whole 0' : `whole ${token}`}"`,
    ),
  )
}

interface Lake {
  schema: unknown
  hours: Record<string, number>
  rows: Record<string, unknown>[]
  rejects: Told[]
  repeated: number
}

async function lakeOf(cwd: string, { stderr }: Result): Promise<Lake> {
  const files = tree(join(cwd, 'lake'))
  const lake: Lake = {
    schema: undefined,
    hours: {},
    rows: [],
    rejects: readRejects(join(cwd, '.sluice')).map(({ line, reason, value }) => (value === undefined ? [line, reason] : [line, reason, value])),
    repeated: Number(/(\d+) repeated/.exec(stderr)?.[1] ?? 0),
  }
  if (files.length === 0) return lake
  const source = `read_parquet(${quote(join(cwd, 'lake/**'))}, hive_partitioning = false, file_row_number = true)`
  lake.schema = await session.rows(`SELECT column_name, column_type, "null" FROM (DESCRIBE SELECT * EXCLUDE (file_row_number) FROM ${source})`)
  const time = (column: string): string => `strftime(${column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS ${column}`
  const rows = await session.rows(
    `SELECT * REPLACE (${time('event_time')}, ${time('created_at')}, epoch_us(ingested_at) AS ingested_at, extra::VARCHAR AS extra), ${DERIVED_COLUMNS}
     FROM ${source} ORDER BY filename, file_row_number`.replace('SELECT *', 'SELECT filename, * EXCLUDE (rest, file_row_number)'),
  )
  for (const { filename, ingested_at: ingested, record, extra, ...row } of rows) {
    const partition = /date=[^/]+\/hour=\d+/.exec(String(filename))?.[0] as string
    lake.hours[partition] = (lake.hours[partition] ?? 0) + 1
    assert.ok(Math.abs(Number(ingested) / 1000 - Date.now()) < 120_000, 'ingested_at is now')
    lake.rows.push({ ...row, record: record === null ? null : exact(String(record)), extra: extra === null ? null : exact(String(extra)) })
  }
  return lake
}

/** The lakes that the two writers make of this input. */
async function both(t: TestContext, input: string | Uint8Array, args: readonly string[] = []): Promise<Lake[]> {
  return Promise.all(
    WRITERS.map(async (writer) => {
      const cwd = workplace(t)
      const result = await run('handle-stream', ['--writer', writer, ...args], { cwd, input })
      assert.equal(result.code, 0, `${writer}: ${result.stderr}`)
      assert.deepEqual(tree(join(cwd, '.sluice')).filter((file) => file !== 'lake.json' && !file.startsWith('rejected/')), [], `${writer} leaves nothing behind`)
      return lakeOf(cwd, result)
    }),
  )
}

const schema = Object.entries(EVENTS).map(([name, type]) => ({ column_name: name, column_type: type, null: 'YES' }))

for (const name of readdirSync(CASES).sort()) {
  test(`both writers: ${name}`, async (t) => {
    const text = readFileSync(join(CASES, name, 'expected.json'), 'utf8')
    const { args, hours, repeated = 0, rejects, rows: count } = JSON.parse(text) as Case
    const expected = (exact(text) as Case).rows
    for (const [index, lake] of (await both(t, readFileSync(join(CASES, name, 'input.ndjson')), args)).entries()) {
      const writer = WRITERS[index]
      assert.deepEqual(lake.rejects, rejects, writer)
      assert.deepEqual(lake.hours, hours, writer)
      assert.equal(lake.repeated, repeated, writer)
      assert.equal(lake.rows.length, count.length, writer)
      if (count.length > 0) assert.deepEqual(lake.schema, schema, writer)
      for (const [row, columns] of expected.entries()) {
        const found = Object.fromEntries(Object.keys(columns).map((column) => [column, lake.rows[row]?.[column]]))
        assert.deepEqual(found, columns, `${writer}, row ${row}`)
      }
    }
  })
}

test('bytes that are no text are rejects, and the lines around them events', async (t) => {
  const [first, second] = eventLines(2) as [string, string]
  const line = (bytes: number[]): Buffer => Buffer.concat([Buffer.from(first.slice(0, -1)), Buffer.from(',"x":"'), Buffer.from(bytes), Buffer.from('"}\n')])
  const input = Buffer.concat([
    Buffer.from(`${first}\n`),
    line([0xff]),
    line([0xc0, 0xaf]), // An overlong slash.
    line([0xed, 0xa0, 0xbd]), // Half of a surrogate pair.
    line([0xf4, 0x90, 0x80, 0x80]), // Beyond U+10FFFF.
    line([0xe2, 0x82]), // Two thirds of a euro sign.
    line([0x00]),
    Buffer.from([0, 10]),
    Buffer.from(`${second}\n`),
  ])
  const rejects = [...Array.from({ length: 5 }, (_, n) => [n + 2, 'not UTF-8']), [7, 'not JSON'], [8, 'not JSON']]
  for (const lake of await both(t, input)) {
    assert.deepEqual(lake.rejects, rejects)
    assert.deepEqual(lake.rows.map(({ rkey }) => rkey), ['k0', 'k1'])
  }
})

test('brackets nested 200,000 deep are kept, wherever they stand', async (t) => {
  const deep = 200_000
  const time = '2026-07-04T14:38:08.000000Z'
  const commit = { rev: 'r', operation: 'create', collection: 'a.b.c', rkey: 'k', cid: 'c', record: {} }
  const lines = [
    { timestamp: time, action: 'create', path: 'a.b.c/0', repo: 'did:x', record: { a: 'deep' } },
    { timestamp: time, action: 'create', path: 'a.b.c/1', repo: 'did:x', record: {}, a: 'deep' },
    { did: 'did:x', time_us: Date.parse(time) * 1000, kind: 'commit', commit: { ...commit, rkey: '2', a: 'deep' } },
    { did: 'did:x', time_us: Date.parse(time) * 1000, kind: 'commit', commit: { ...commit, rkey: '3' }, a: 'deep' },
    { $type: 'message', payload: { ...commit, $type: 'x#commit', did: 'did:x', time, rkey: '4', a: 'deep' } },
    { $type: 'message', payload: { ...commit, $type: 'x#commit', did: 'did:x', time, rkey: '5' }, a: 'deep' },
  ].map((line) => JSON.stringify(line).replace('"deep"', '['.repeat(deep) + ']'.repeat(deep)))
  for (const writer of WRITERS) {
    const cwd = workplace(t)
    const { code, stderr } = await run('handle-stream', ['--writer', writer], { cwd, input: lines.join('\n') })
    assert.equal(code, 0, `${writer}: ${stderr}`)
    const rows = await session.rows<{ rkey: string; brackets: bigint }>(
      `SELECT rkey, strlen(replace(concat(rest, extra), '[', '')) AS brackets FROM read_parquet(${quote(join(cwd, 'lake/**'))}) ORDER BY rkey`,
    )
    assert.deepEqual(rows.map(({ rkey }) => rkey), ['0', '1', '2', '3', '4', '5'], writer)
    for (const { rkey, brackets } of rows) assert.ok(brackets >= deep, `${writer}: line ${rkey} has kept ${brackets} of ${deep} closing brackets`)
  }
})

test('the sample of the real stream is whole, and the same from both writers', async (t) => {
  const input = readFileSync(join(ROOT, 'test/data/jetstream-v1-sample.jsonl'), 'utf8')
  const events = input.trim().split('\n').map((line) => exact(line) as { did: string; time_us: string; kind: string; commit?: Record<string, unknown> })
  const [duckdb, parquetjs] = (await both(t, input)) as [Lake, Lake]
  assert.deepEqual(parquetjs, duckdb)
  assert.deepEqual(duckdb.rejects, [])
  assert.deepEqual(
    duckdb.rows.map(({ did, kind, action, collection, rkey, cid, rev, record, event_time: time }) => [
      did, kind, action, collection, rkey, cid, rev, record, Date.parse(String(time)),
    ]),
    events.map(({ did, kind, commit: c, time_us: us, ...body }) => [
      did, kind, c?.['operation'] ?? null, c?.['collection'] ?? null, c?.['rkey'] ?? null, c?.['cid'] ?? null, c?.['rev'] ?? null,
      c ? (c['record'] ?? null) : (body as Record<string, unknown>)[kind], Math.floor(Number(us.slice('whole '.length)) / 1000),
    ]),
  )
})

test('lines damaged at random become the same rows and the same rejects with both writers', async (t) => {
  const sample = readFileSync(join(ROOT, 'test/data/jetstream-v1-sample.jsonl'), 'utf8').trim().split('\n')
  const lines = damaged(sample, 3000, random(20260704))
  const [duckdb, parquetjs] = (await both(t, `${lines.join('\n')}\n`, ['--timezone', 'Europe/Berlin'])) as [Lake, Lake]
  assert.ok(duckdb.rows.length > 800 && duckdb.rejects.length > 800, `${duckdb.rows.length} rows and ${duckdb.rejects.length} rejects`)
  assert.equal(duckdb.rows.length + duckdb.repeated + duckdb.rejects.length, lines.length)
  // Where a whole object stands in place of a text, escapes in it may be written in two ways.
  const plain = (value: unknown): unknown => (typeof value === 'string' && /^[[{]/.test(value) ? attempt(value) : value)
  const told = ([line, reason, value]: Told): unknown => [line, reason, value?.replace(/^([[{]).*/, '$1')]
  assert.deepEqual(parquetjs.rejects.map(told), duckdb.rejects.map(told))
  assert.equal(parquetjs.rows.length, duckdb.rows.length)
  for (const [index, row] of duckdb.rows.entries()) {
    for (const [column, value] of Object.entries(row)) assert.deepEqual(plain(parquetjs.rows[index]?.[column]), plain(value), `${column} of row ${index}`)
  }
})

function attempt(json: string): unknown {
  try {
    return exact(json)
  } catch {
    return json
  }
}

/** Makes whatever loads a package, by import or by require, fail in a process. */
const without = (name: string): Record<string, string> => {
  const refuse = `if (s.startsWith('${name}')) throw new Error('${name} is not here')`
  const imports = `export async function resolve(s, c, n) { ${refuse}; return n(s, c) }`
  const requires = `const load = Module._load; Module._load = function (s, ...rest) { ${refuse}; return load.call(this, s, ...rest) }`
  const setUp = `import Module, { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(imports)}`)}); ${requires}`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(setUp)}` }
}

test('the writer in JavaScript needs no DuckDB', async (t) => {
  const env = without('@duckdb')
  const cwd = workplace(t)
  const input = `${eventLines(10).join('\n')}\n`
  const refused = await run('handle-stream', [], { cwd: workplace(t), input, env })
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /@duckdb is not here/)
  const result = await run('handle-stream', ['--writer', 'parquetjs'], { cwd, input, env })
  assert.equal(result.code, 0, result.stderr)
  assert.equal((await lakeOf(cwd, result)).rows.length, 10)
})

test('the writer in JavaScript compresses as it is told, and says which ways it has', async (t) => {
  const input = `${eventLines(200).join('\n')}\n`
  const rows: unknown[] = []
  for (const compression of ['snappy', 'gzip', 'uncompressed', undefined]) {
    const cwd = workplace(t)
    const result = await run('handle-stream', ['--writer', 'parquetjs', ...(compression ? ['--compression', compression] : [])], { cwd, input })
    assert.equal(result.code, 0, result.stderr)
    const codecs = await session.rows(`SELECT DISTINCT compression FROM parquet_metadata(${quote(join(cwd, 'lake/**'))})`)
    assert.deepEqual(codecs, [{ compression: (compression ?? 'snappy').toUpperCase() }])
    rows.push((await lakeOf(cwd, result)).rows)
  }
  for (const other of rows) assert.deepEqual(other, rows[0])
  const refused = await run('handle-stream', ['--writer', 'parquetjs', '--compression', 'zstd'], { cwd: workplace(t), input })
  assert.equal(refused.code, 2)
  assert.equal(refused.stderr, 'handle-stream: expected --compression snappy, gzip or uncompressed with --writer parquetjs, which has no `zstd`\n')
})

test('pages, hours and batches of the writer in JavaScript hold every row, and know what came before', async (t) => {
  const cwd = workplace(t)
  const lines = eventLines(20_000)
  const args = ['--writer', 'parquetjs', '--roll-rows', '18000']
  const result = await run('handle-stream', args, { cwd, input: `${lines.join('\n')}\n` })
  const { rows, hours } = await lakeOf(cwd, result)
  assert.deepEqual(rows.map(({ rkey }) => rkey), lines.map((_, n) => `k${n}`))
  assert.deepEqual(Object.values(hours), [3600, 3600, 3600, 3600, 3600, 2000])
  const statistics = await session.rows<{ hour: string; min: string; max: string; groups: bigint }>(
    `SELECT regexp_extract(file_name, 'hour=(..)', 1) AS hour, min(stats_min_value) AS min, max(stats_max_value) AS max, count(*) AS groups
     FROM parquet_metadata(${quote(join(cwd, 'lake/**'))}) WHERE path_in_schema = 'event_time' GROUP BY ALL ORDER BY ALL`,
  )
  assert.deepEqual(statistics.map(({ hour, min, max, groups }) => [hour, min, max, Number(groups)]), [
    ['14', '2026-07-04 14:00:00+00', '2026-07-04 14:59:59.000599+00', 1],
    ['15', '2026-07-04 15:00:00.0006+00', '2026-07-04 15:59:59.000199+00', 1],
    ['16', '2026-07-04 16:00:00.0002+00', '2026-07-04 16:59:59.000799+00', 1],
    ['17', '2026-07-04 17:00:00.0008+00', '2026-07-04 17:59:59.000399+00', 1],
    ['18', '2026-07-04 18:00:00.0004+00', '2026-07-04 18:59:59.000999+00', 1],
    ['19', '2026-07-04 19:00:00+00', '2026-07-04 19:33:19.000999+00', 1],
  ])
  const again = await run('handle-stream', args, { cwd, input: `${eventLines(80, 19_950).join('\n')}\n` })
  assert.match(again.stderr, /30 events · .* 50 repeated/)
})
