import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { openEngine, quote } from '../../src/duckdb.ts'
import { eventReader } from '../../src/ingest/event.ts'
import { items, members } from '../../src/ingest/json.ts'
import { typed } from '../../src/ingest/projection.ts'
import { restOf } from '../../src/ingest/rest.ts'
import { DERIVED, LONGEST_PARTED } from '../../src/lake/derived.ts'

const engine = await openEngine({ threads: 1 })
const session = await engine.connect()
after(() => engine.close())

const TIME = '2026-07-04T14:38:08.000000Z'

interface Parted {
  /** As it stands in a file. */
  rest: string
  /** Put together again from the columns. */
  whole: string
}

/** What becomes of records by the way of each writer. */
async function parted(records: readonly string[]): Promise<{ sql: Parted[]; javascript: Parted[] }> {
  await session.run('CREATE OR REPLACE TEMP TABLE given (n INTEGER, record JSON)')
  await session.run(`INSERT INTO given VALUES ${records.map((record, n) => `(${n}, ${quote(record)}::JSON)`).join(', ')}`)
  const source = `SELECT *, TIMESTAMPTZ '${TIME}' AS event_time, 'commit' AS kind, 'create' AS action, 'did:x' AS did, 'a/b' AS path, 2 AS slash,
    'c' AS cid, 'r' AS rev, NULL::JSON AS extra FROM given`
  const sql = await session.rows<{ rest: string; whole: string }>(
    `SELECT rest::VARCHAR AS rest, (${DERIVED.record.sql})::VARCHAR AS whole FROM (${typed(source, { ingestedAt: new Date(), careful: true })}) ORDER BY n`,
  )
  const read = eventReader({ now: Date.parse(TIME), timezone: 'UTC' })
  const rows = records.map((record) => read(`{"timestamp":"${TIME}","action":"create","path":"a/b","repo":"did:x","record":${record}}`))
  await session.run('CREATE OR REPLACE TEMP TABLE columns (n INTEGER, rest JSON, text VARCHAR, langs VARCHAR[], created_at TIMESTAMPTZ, reply_parent VARCHAR, subject_uri VARCHAR)')
  const values = rows.map((row, n) => {
    assert.ok('rest' in row, `rejected: ${records[n]}`)
    const text = (value: string | null): string => (value === null ? 'NULL' : quote(value))
    const langs = row.langs === null ? 'NULL' : `[${row.langs.map(text).join(', ')}]`
    const created = row.created_at === null ? 'NULL' : `make_timestamptz(${row.created_at})`
    return `(${n}, ${text(row.rest)}, ${text(row.text)}, ${langs}, ${created}, ${text(row.reply_parent)}, ${text(row.subject_uri)})`
  })
  await session.run(`INSERT INTO columns VALUES ${values.join(', ')}`)
  const javascript = await session.rows<{ rest: string; whole: string }>(`SELECT rest::VARCHAR AS rest, (${DERIVED.record.sql})::VARCHAR AS whole FROM columns ORDER BY n`)
  return { sql: sql.map((row) => ({ ...row })), javascript: javascript.map((row) => ({ ...row })) }
}

/** Every value of a text with its path, in order: keys that stand twice count twice, and members may stand in any order. */
function leaves(json: string, path = ''): string[] {
  const inside = members(json) ?? items(json)?.map((value, n): [string, string] => [String(n), value])
  if (inside === undefined || inside.length === 0) return [`${path} = ${json.startsWith('"') ? JSON.stringify(JSON.parse(json)) : json}`]
  return inside.flatMap(([key, value]) => leaves(value, `${path}/${JSON.stringify(key)}`)).sort()
}

/** Records as they are, and what stands in a file of them; undefined: all of it. */
const RECORDS: [record: string, rest: string | undefined][] = [
  ['{"$type":"like","createdAt":"2026-07-04T14:38:08.086Z","subject":{"cid":"c","uri":"at://did:x/y/z"}}', '{"$type":"like","subject":{"cid":"c"}}'],
  ['{"subject":{"uri":"at://did:x/y/z","cid":"c"},"createdAt":"2026-07-04T14:38:08.000Z","$type":"like"}', '{"$type":"like","subject":{"cid":"c"}}'],
  ['{"$type":"follow","subject":"did:plc:a","createdAt":"2026-07-04T14:38:08.100Z"}', '{"$type":"follow"}'],
  ['{"$type":"like","via":{"a":1},"subject":{"cid":"c","uri":"at://x"}}', '{"$type":"like","subject":{"cid":"c"},"via":{"a":1}}'],
  ['{"$type":"post","text":"é\\n\\"😀\\"","langs":["en","pt-BR"],"embed":{"text":"x","uri":"at://y"}}', '{"$type":"post","embed":{"text":"x","uri":"at://y"}}'],
  ['{"$type":"post","text":"","langs":[],"tags":["a"]}', '{"$type":"post","tags":["a"]}'],
  ['{"$type":"post","text":"a","langs":["en",null]}', '{"$type":"post"}'],
  [
    '{"$type":"post","text":"x","reply":{"root":{"cid":"r","uri":"at://r"},"parent":{"cid":"p","uri":"at://p"}}}',
    '{"$type":"post","reply":{"parent":{"cid":"p"},"root":{"cid":"r","uri":"at://r"}}}',
  ],
  // What would not come back as it was, or might be something else.
  ['{"$type":"post","text":5}', undefined],
  ['{"$type":"post","text":{"a":"b"}}', undefined],
  ['{"$type":"post","text":null}', undefined],
  ['{"$type":"post","text":"a","text":"b"}', undefined],
  ['{"$type":"post","text":"a","langs":["en",5]}', undefined],
  ['{"$type":"post","text":"a","langs":"en"}', undefined],
  ['{"$type":"post","text":"a","unknown":1}', undefined],
  ['{"$type":"post","text":"a","embed":null}', undefined],
  ['{"text":"a"}', undefined],
  ['{"$type":"like","createdAt":"2026-07-04T14:38:08Z","subject":"did:a"}', undefined],
  ['{"$type":"like","createdAt":"2026-07-04T14:38:08.086123Z","subject":"did:a"}', undefined],
  ['{"$type":"like","createdAt":"2026-07-04T16:38:08.086+02:00","subject":"did:a"}', undefined],
  ['{"$type":"like","createdAt":"2026-07-04T24:00:00.000Z","subject":"did:a"}', undefined],
  ['{"$type":"like","createdAt":"infinity","subject":"did:a"}', undefined],
  ['{"$type":"like","createdAt":"+010000-01-01T00:00:00.000Z","subject":"did:a"}', undefined],
  ['{"$type":"like","createdAt":"-000001-01-01T00:00:00.000Z","subject":"did:a"}', undefined],
  ['{"$type":"like","createdAt":"0001-01-01T00:00:00.000Z","subject":"did:a"}', '{"$type":"like"}'],
  ['{"$type":"like","subject":{"uri":"at://x"}}', undefined],
  ['{"$type":"like","subject":{"cid":"c","uri":"x"}}', undefined],
  ['{"$type":"like","subject":{"cid":"c","uri":5}}', undefined],
  ['{"$type":"like","subject":{"cid":"c","uri":"at://x","uri":"at://y"}}', undefined],
  ['{"$type":"like","subject":{"cid":"c","uri":"at://x","more":0}}', undefined],
  ['{"$type":"like","subject":"{\\"cid\\":\\"c\\",\\"uri\\":\\"at://x\\"}"}', undefined],
  ['{"$type":"like","subject":"somebody"}', undefined],
  ['{"$type":"follow","subject":"did:plc:\\ba"}', undefined],
  ['{"$type":"post","text":"a","reply":{"parent":{"cid":"p","uri":"at://\\"p"},"root":{}}}', undefined],
  ['{"$type":"post","text":"a","reply":{"parent":{"uri":"at://p"}}}', undefined],
  ['{"$type":"post","text":"a","reply":{"parent":{"cid":"p","uri":"at://p"},"root":{},"more":1}}', undefined],
  ['{"$type":"post","text":"a","reply":"at://p"}', undefined],
  ['{}', undefined],
  ['[1,{"text":"a"}]', undefined],
  ['"text"', undefined],
]

test('a record stands in a file without what columns hold, where that can be put back, and comes back whole', async () => {
  const { sql, javascript } = await parted(RECORDS.map(([record]) => record))
  for (const [index, [record, rest = record]] of RECORDS.entries()) {
    for (const [way, found] of [['SQL', sql[index]], ['JavaScript', javascript[index]]] as const) {
      assert.deepEqual(leaves(String(found?.rest)), leaves(rest), `${way}: ${record}`)
      assert.deepEqual(leaves(String(found?.whole)), leaves(record), `${way}, whole: ${record}`)
    }
  }
})

test('a record of more bytes stands in a file whole', async () => {
  const record = (bytes: number): string => `{"$type":"post","text":"${'é'.repeat((bytes - 26) / 2)}"}`
  assert.equal(Buffer.byteLength(record(LONGEST_PARTED)), LONGEST_PARTED)
  const { sql, javascript } = await parted([record(LONGEST_PARTED), record(LONGEST_PARTED + 2)])
  for (const found of [sql, javascript]) {
    assert.deepEqual(found.map(({ rest }) => rest), ['{"$type":"post"}', record(LONGEST_PARTED + 2)])
    assert.deepEqual(found.map(({ whole }) => leaves(whole)), [leaves(record(LONGEST_PARTED)), leaves(record(LONGEST_PARTED + 2))])
  }
  const longer = record(LONGEST_PARTED + 2)
  assert.equal(restOf(longer, members(longer), false), longer)
})

test('any record comes back whole, by either writer', async () => {
  const leaf = fc.constantFrom(
    '"at://did:x/y/z"', '"did:plc:a"', '"a \\"b\\" \\\\ é"', '"{\\"uri\\":\\"at://x\\"}"', '"2026-07-04T14:38:08.086Z"', '"2026-07-04T14:38:08Z"', '""', '"5"', '"did:\\b"',
    '5', 'true', 'null', '[]', '{}', '["en"]', '["en",5,null]', '{"cid":"c"}', '{"cid":5,"uri":"did:x"}',
  )
  const object = (keys: string[], value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc.array(fc.tuple(fc.constantFrom(...keys), value), { maxLength: 5 }).map((fields) => `{${fields.map(([key, json]) => `"${key}":${json}`).join(',')}}`)
  const reference = object(['cid', 'uri', 'x'], leaf)
  const value = fc.oneof(leaf, reference, object(['parent', 'root', 'text'], fc.oneof(leaf, reference)))
  const usual: Record<string, string> = {
    subject: '{"cid":"c","uri":"at://did:x/y/z"}', text: '"a text"', langs: '["en"]', createdAt: '"2026-07-04T14:38:08.086Z"',
    reply: '{"parent":{"uri":"at://p","cid":"p"},"root":{}}', embed: '[]', via: '0',
  }
  const field = fc.oneof(fc.constantFrom(...Object.entries(usual)), fc.constantFrom(...Object.entries(usual)), fc.tuple(fc.constantFrom(...Object.keys(usual), 'y'), value))
  const record = fc.array(field, { maxLength: 6 }).map((fields) => `{${[['$type', '"a"'], ...fields].map(([key, json]) => `"${key}":${json}`).join(',')}}`)
  const records = fc.sample(record, { numRuns: 4000, seed: 20261128 })
  const { sql, javascript } = await parted(records)
  let shorter = 0
  for (const [index, given] of records.entries()) {
    assert.deepEqual(leaves(String(sql[index]?.whole)), leaves(given), `SQL: ${given}`)
    assert.deepEqual(leaves(String(javascript[index]?.whole)), leaves(given), `JavaScript: ${given}`)
    assert.deepEqual(leaves(String(javascript[index]?.rest)), leaves(String(sql[index]?.rest)), `both: ${given}`)
    if (String(sql[index]?.rest).length < given.length) shorter++
  }
  assert.ok(shorter > 200 && shorter < 2000, `${shorter} of ${records.length} were parted`)
})
