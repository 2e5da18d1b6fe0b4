import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { differenceProblems, formatSql, saysTheSame } from '../../src/check/format.ts'
import { openEngine } from '../../src/duckdb.ts'
import { UNDOCUMENTED } from '../../src/query/header.ts'
import type { Parsed } from '../../src/query/parse.ts'
import { parseModels } from '../../src/query/parse.ts'
import { ROOT } from '../process.ts'

const engine = await openEngine({ threads: 1 })
const session = await engine.connect()
after(() => engine.close())

async function parse(sql: string): Promise<Parsed> {
  const [parsed] = await parseModels(session, [{ name: 'm', layer: 'metrics', file: 'm.sql', sql, header: UNDOCUMENTED }])
  assert.ok(parsed && parsed.problem === undefined, `${parsed?.problem?.message}\n${sql}`)
  return parsed
}

async function format(sql: string): Promise<string> {
  return formatSql(sql, (await parse(sql)).tree)
}

const SHIPPED = ['staging', 'metrics'].flatMap((layer) => {
  const directory = join(ROOT, 'queries', layer)
  return readdirSync(directory).map((file) => readFileSync(join(directory, file), 'utf8'))
})

test('however a shipped query is broken into lines, it comes out as it is shipped', async () => {
  // Comments stay where they are, since a line's end ends one.
  const space = fc.array(fc.constantFrom(' ', '\n', '\t', '\r\n'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''))
  const query = fc.constantFrom(...SHIPPED.map((sql) => [sql, /^\/\*[^]*?\*\/\n/.exec(sql)?.[0] ?? ''] as const))
  await fc.assert(
    fc.asyncProperty(query, fc.infiniteStream(space), async ([shipped, header], spaces) => {
      const broken = shipped.slice(header.length).replace(/'(?:[^']|'')*'|\s*--[^\n]*\n\s*|\s+/g, (token) => (token.trim() === '' ? (spaces.next().value as string) : token))
      assert.equal(await format(header + broken), shipped)
    }),
    { numRuns: 150 },
  )
})

const CASES: [what: string, sql: string, formatted: string][] = [
  ['keywords are lower case, names are as they were', 'SELECT Count(*) AS Total FROM Events', 'select Count(*) as Total\nfrom Events\n'],
  ['the header stays byte by byte', '\n/*\ndescription:   a\n  b  */   select 1', '/*\ndescription:   a\n  b  */\nselect 1\n'],
  ['comments stay', '-- a\nselect 1 /* b */ -- c\n', '-- a\nselect\n  1 /* b */ -- c\n'],
  ['any function is one, and a macro too', 'select utc (a), lead(b) over (), n(c) from t', 'select utc(a), lead(b) over (), n(c)\nfrom t\n'],
  ['an alias with columns is none', 'select a from t as n(a)', 'select a\nfrom t as n (a)\n'],
  ['texts stay', "select 'A  FROM', \"B  c\", $$D  e$$", "select 'A  FROM', \"B  c\", $$D  e$$\n"],
  ['a text over lines stays', "select 'a\n\n    b', (select 1)", "select\n  'a\n\n    b',\n  (\n    select\n      1\n  )\n"],
  ['joins and conditions stand on lines of their own where they do not fit', `select a.${'x'.repeat(60)}, a.${'y'.repeat(60)} from a join b on b.i = a.i where a.${'z'.repeat(60)} = 1 and a.${'z'.repeat(60)} <> 2`,
    `select\n  a.${'x'.repeat(60)},\n  a.${'y'.repeat(60)}\nfrom a\njoin b on b.i = a.i\nwhere a.${'z'.repeat(60)} = 1\n  and a.${'z'.repeat(60)} <> 2\n`],
  ['a subquery that is long keeps its clauses apart', `select a from (select a, ${'b'.repeat(60)} from t where a = 1) s`, `select a\nfrom (\n  select a, ${'b'.repeat(60)}\n  from t\n  where a = 1\n) s\n`],
]

for (const [what, sql, formatted] of CASES) {
  test(what, async () => {
    assert.equal(await format(sql), formatted)
    assert.equal(await format(formatted), formatted)
  })
}

test('what says the same: the parse and the comments, wherever they stand', async () => {
  const same = async (a: string, b: string): Promise<boolean> => saysTheSame(await parse(a), await parse(b))
  assert.ok(await same('select a -- b\nfrom t', 'SELECT   a FROM t -- b'))
  assert.ok(!(await same('select a -- b\nfrom t', 'select a from t')))
  assert.ok(!(await same("select '-- b' from t", "select '--  b' from t")))
  assert.ok(!(await same('select a from t', 'select A from t')))
  assert.ok(!(await same('select a - b - c from t', 'select a - (b - c) from t')))
})

test('the first line that differs is shown', () => {
  assert.deepEqual(differenceProblems('x.sql', 'a\nb\nc\n', 'a\nB\nC\n'), [
    { file: 'x.sql', line: 2, message: "expected it formatted, as 'sluice check --fix' does", excerpt: '- b\n+ B' },
  ])
  const end = [{ file: 'x.sql', line: 2, message: "expected one newline at the end, as 'sluice check --fix' writes it" }]
  assert.deepEqual(differenceProblems('x.sql', 'a\nb', 'a\nb\n'), end)
  assert.deepEqual(differenceProblems('x.sql', 'a\nb\n', 'a\nb\n'), [])
})
