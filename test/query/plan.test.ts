import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { openEngine } from '../../src/duckdb.ts'
import { UNDOCUMENTED } from '../../src/query/header.ts'
import type { Model } from '../../src/query/models.ts'
import { parseModels } from '../../src/query/parse.ts'
import { plan } from '../../src/query/plan.ts'

const engine = await openEngine({ threads: 1 })
const session = await engine.connect()
after(() => engine.close())

function model(name: string, sql: string): Model {
  return { name, layer: 'metrics', file: `${name}.sql`, sql, header: UNDOCUMENTED }
}

/** What a model may read, and the SQL that reads it. */
const READS: [sql: string, reads: string[]][] = [
  ['SELECT 1', []],
  ['FROM a', ['a']],
  ['SELECT * FROM a, b JOIN c USING (x) LEFT JOIN (SELECT * FROM d) USING (y)', ['a', 'b', 'c', 'd']],
  ['SELECT * FROM "a-b" AS c', ['a-b']],
  ['SELECT a.x FROM b AS a', ['b']],
  ['SELECT (SELECT max(x) FROM a) FROM b WHERE x IN (FROM c) AND EXISTS (FROM d) ORDER BY (SELECT 1 FROM e)', ['a', 'b', 'c', 'd', 'e']],
  ['(SELECT * FROM a) UNION ALL (SELECT * FROM b EXCEPT SELECT * FROM c)', ['a', 'b', 'c']],
  ['WITH a AS (SELECT * FROM b) SELECT * FROM a', ['b']],
  ['WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM A, B', []],
  // A name means what stood before it: here the models a and b.
  ['WITH a AS (SELECT * FROM a) SELECT * FROM a', ['a']],
  ['WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a', ['b']],
  ['WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a, b WHERE n < 3) SELECT * FROM a', ['b']],
  // Only inside the subquery is a not the model.
  ['SELECT * FROM a WHERE x IN (WITH a AS (FROM b) FROM a)', ['a', 'b']],
  ['WITH a AS (SELECT 1) SELECT * FROM (WITH c AS (FROM a) FROM c, d), c', ['c', 'd']],
  ['WITH a AS (SELECT 1) SELECT * FROM main.a', ['a']],
  ['SELECT count(*) FILTER (WHERE x IN (FROM a)), sum(x) OVER (ORDER BY (SELECT 1 FROM b)) FROM c', ['a', 'b', 'c']],
  ['SELECT unnest(x), i FROM a, range(3) AS r(i), unnest([1]) AS u(j), (VALUES (1)) AS v(k)', ['a']],
  ["SELECT 'FROM b' /* FROM c */ FROM a -- FROM d", ['a']],
  ['SELECT * FROM a PIVOT (sum(x) FOR y IN (1, 2))', ['a']],
  ['SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.x = a.x)', ['a', 'b']],
]

for (const [sql, reads] of READS) {
  test(`reads ${reads.join(', ') || 'nothing'}: ${sql}`, async () => {
    const [parsed] = await parseModels(session, [model('m', sql)])
    assert.equal(parsed?.problem, undefined)
    const relations = parsed?.references.filter(({ kind }) => kind === 'relation') ?? []
    assert.deepEqual([...new Set(relations.map(({ name }) => name))].sort(), reads)
    for (const { offset, name } of relations) assert.match(sql.slice(offset), new RegExp(`^(main\\.)?"?${name}`))
  })
}

const FILES: [sql: string, named: string][] = [
  ["SELECT * FROM read_csv('x')", 'read_csv(…)'],
  ["SELECT * FROM (FROM read_json_auto('x'))", 'read_json_auto(…)'],
  ["SELECT * FROM parquet_scan('x')", 'parquet_scan(…)'],
  ["WITH a AS (FROM READ_PARQUET('x')) FROM a", 'read_parquet(…)'],
  ["FROM glob('*')", 'glob(…)'],
  ["FROM query('FROM x')", 'query(…)'],
  ["FROM 'lake/**'", "the file 'lake/**'"],
  ['FROM "x.parquet"', "the file 'x.parquet'"],
  ["FROM 'x.csv.gz'", "the file 'x.csv.gz'"],
]

for (const [sql, named] of FILES) {
  test(`names a file: ${sql}`, async () => {
    const [step] = plan(await parseModels(session, [model('m', sql)]), ['m']).steps
    assert.ok(step?.problem?.message.includes(`got ${named}: a model names no files`), step?.problem?.message)
    assert.equal(step?.problem?.line, 1)
  })
}

test('any graph: each model comes once, after what it needs, unless it leads into a cycle', async () => {
  const edges = fc.uniqueArray(fc.tuple(fc.nat(6), fc.nat(6)), { selector: String, maxLength: 14 })
  await fc.assert(
    fc.asyncProperty(edges, fc.uniqueArray(fc.nat(6), { minLength: 1 }), async (pairs, chosen) => {
      const nodes = [0, 1, 2, 3, 4, 5, 6]
      const sources = (node: number): number[] => pairs.filter(([from]) => from === node).map(([, to]) => to)
      const models = nodes.map((node) => model(`m${node}`, `SELECT 1 AS a ${sources(node).map((to) => `UNION ALL SELECT a FROM m${to}`).join(' ')}`))
      // By closure, as the plan does not: reaches[i][j] if j is read by i, directly or not.
      const reaches = nodes.map((from) => nodes.map((to) => sources(from).includes(to)))
      for (const k of nodes) for (const i of nodes) for (const j of nodes) {
        if (reaches[i]?.[k] && reaches[k]?.[j]) (reaches[i] as boolean[])[j] = true
      }
      const cyclic = (node: number): boolean => reaches[node]?.[node] === true
      const wanted = nodes.filter((node) => chosen.some((other) => other === node || reaches[other]?.[node]))

      const { steps } = plan(await parseModels(session, models), chosen.map((node) => `m${node}`))

      const order = steps.map((step) => Number(step.model.name.slice(1)))
      assert.deepEqual([...order].sort(), wanted)
      const bad = new Set<number>()
      steps.forEach((step, index) => {
        const node = order[index] as number
        assert.deepEqual(step.needs, sources(node).map((to) => `m${to}`).sort())
        if (step.problem) {
          assert.ok(cyclic(node), `m${node} is blamed for a cycle it is not on`)
          assert.match(step.problem.message, new RegExp(`cycle m${node} → (m\\d → )*m${node}$`))
        }
        if (step.problem || sources(node).some((to) => bad.has(to))) bad.add(node)
        else for (const to of sources(node)) assert.ok(order.indexOf(to) < index, `m${node} comes before m${to}`)
      })
      const doomed = (node: number): boolean => cyclic(node) || nodes.some((to) => reaches[node]?.[to] && cyclic(to))
      assert.deepEqual([...bad].sort(), wanted.filter(doomed))
    }),
    { numRuns: 200 },
  )
})
