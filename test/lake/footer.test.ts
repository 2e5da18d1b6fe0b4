import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { openEngine, quote } from '../../src/duckdb.ts'
import { eventReader } from '../../src/ingest/event.ts'
import { parquetFile } from '../../src/ingest/parquetjs.ts'
import type { Field, Struct } from '../../src/lake/footer.ts'
import { decode, encode, FILE, footerLength, readFooter, TYPE, writeFooter } from '../../src/lake/footer.ts'
import { eventLines } from '../lines.ts'
import { workplace } from '../process.ts'

function sameAgain(file: Buffer): void {
  const length = footerLength(file) as number
  const footer = file.subarray(-length)
  assert.ok(length > 100)
  assert.equal(writeFooter(readFooter(file)).toString('hex'), footer.toString('hex'))
  assert.deepEqual(readFooter(footer), readFooter(file))
}

test("footers of DuckDB's files are the same bytes after decoding and encoding", async (t) => {
  const directory = workplace(t)
  const engine = await openEngine({ threads: 1 })
  t.after(() => engine.close())
  const session = await engine.connect()
  for (const [name, query, options] of [
    ['groups', "SELECT range AS a, range::VARCHAR AS b, [range, NULL] AS c, {'d': range / 7, 'e': 'x'} AS e FROM range(50_000)", 'ROW_GROUP_SIZE 2048, COMPRESSION zstd'],
    ['types', "SELECT now() AS a, 1.5::DECIMAL(9, 2) AS b, uuid() AS c, '{}'::JSON AS d, true AS e, MAP {'x': 1} AS f, INTERVAL 1 DAY AS g, 1::UTINYINT AS h", 'COMPRESSION snappy'],
    ['empty', 'SELECT 1 AS a WHERE false', "KV_METADATA {key: 'value'}"],
    ['fields', 'SELECT 1 AS a, 2 AS b', 'FIELD_IDS {a: 2147483647, b: -5}'],
    ['version 2', "SELECT range AS a, 'x' || range % 10 AS b FROM range(3000)", 'PARQUET_VERSION v2'],
  ] as const) {
    const path = join(directory, `${name}.parquet`)
    await session.run(`COPY (${query}) TO ${quote(path)} (FORMAT parquet, ${options})`)
    sameAgain(readFileSync(path))
  }
})

test("footers of parquetjs's files are the same bytes after decoding and encoding", async () => {
  const read = eventReader({ now: Date.parse('2026-07-05T00:00:00Z'), timezone: 'UTC' })
  const rows = eventLines(300).map((line) => {
    const event = read(line)
    assert.ok('rest' in event)
    return { ...event, ingested_at: 0n }
  })
  for (const compression of ['snappy', 'gzip', 'uncompressed'] as const) sameAgain(await parquetFile(rows, compression))
})

const value: fc.Memo<Field> = fc.memo((depth) => {
  const leaves: fc.Arbitrary<Field>[] = [
    fc.boolean().map((value) => ({ type: value ? TYPE.true : TYPE.false, value })),
    fc.integer({ min: -128, max: 127 }).map((value) => ({ type: TYPE.i8, value })),
    fc.integer({ min: -32768, max: 32767 }).map((value) => ({ type: TYPE.i16, value })),
    fc.integer().map((value) => ({ type: TYPE.i32, value })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type: TYPE.i64, value })),
    fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => ({ type: TYPE.double, value: Buffer.from(bytes) })),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ type: TYPE.binary, value: Buffer.from(bytes) })),
  ]
  if (depth <= 1) return fc.oneof(...leaves)
  const lists = fc
    .oneof(
      fc.array(fc.integer({ min: -128, max: 127 }), { maxLength: 40 }).map((items) => ({ of: TYPE.i8 as number, items })),
      fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 20 }).map((items) => ({ of: TYPE.true as number, items })),
      fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 20 }).map((items) => ({ of: TYPE.i64 as number, items })),
      fc.array(structure(depth - 1), { maxLength: 20 }).map((items) => ({ of: TYPE.struct as number, items })),
    )
    .chain((value) => fc.constantFrom(TYPE.list, TYPE.set).map((type) => ({ type, value })))
  return fc.oneof(...leaves, lists, structure(depth - 1).map((value) => ({ type: TYPE.struct as number, value })))
})

const structure: fc.Memo<Struct> = fc.memo((depth) =>
  fc.uniqueArray(fc.tuple(fc.integer({ min: -32768, max: 32767 }), value(depth)), { selector: ([id]) => id, maxLength: 8 }).map((fields) => new Map(fields)),
)

test('any tree is the same after encoding and decoding', () => {
  fc.assert(fc.property(structure(3), (tree) => assert.deepEqual(decode(encode(tree)), tree)), { numRuns: 300 })
})

test('bytes are those of the compact protocol', () => {
  // By hand from the specification: field 1 i32 -1, field 3 true, field 20 text "hi", field 21 list of i64 [150], stop.
  const bytes = Buffer.from('1501' + '21' + '0828' + '026869' + '1916' + 'ac02' + '00', 'hex')
  const tree: Struct = new Map<number, Field>([
    [1, { type: TYPE.i32, value: -1 }],
    [3, { type: TYPE.true, value: true }],
    [20, { type: TYPE.binary, value: Buffer.from('hi') }],
    [21, { type: TYPE.list, value: { of: TYPE.i64, items: [150n] } }],
  ])
  assert.deepEqual(decode(bytes), tree)
  assert.equal(encode(tree).toString('hex'), bytes.toString('hex'))
})

test('what is no footer is said to be none', () => {
  assert.equal(footerLength(Buffer.from('PAR')), undefined)
  assert.equal(footerLength(Buffer.from('no Parquet file')), undefined)
  assert.throws(() => readFooter(Buffer.from('no Parquet file')), /expected a Parquet file/)
  const whole = encode(new Map([[FILE.createdBy, { type: TYPE.binary, value: Buffer.from('someone') }]]))
  for (let length = 0; length < whole.length; length++) assert.throws(() => decode(whole.subarray(0, length)), /ends too early/)
  assert.throws(() => decode(Buffer.concat([whole, Buffer.from([0])])), /expected a Parquet footer of/)
})
