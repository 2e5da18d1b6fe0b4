import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { portableProblems } from '../../src/check/portable.ts'
import { openEngine } from '../../src/duckdb.ts'
import { UNDOCUMENTED } from '../../src/query/header.ts'
import { parseModels } from '../../src/query/parse.ts'

const engine = await openEngine({ threads: 1 })
const session = await engine.connect()
after(() => engine.close())

async function objections(sql: string): Promise<string[]> {
  const model = { name: 'm', layer: 'metrics' as const, file: 'm.sql', sql, header: UNDOCUMENTED }
  const [parsed] = await parseModels(session, [model])
  assert.ok(parsed && parsed.problem === undefined, parsed?.problem?.message)
  return portableProblems(parsed, new Set(['explode', 'words'])).map(({ message, excerpt = '' }) => {
    const [line = '', caret = ''] = excerpt.split('\n')
    const what = /^expected SQL that Spark understands too, got ([^;]*); .+$/.exec(message)?.[1]
    assert.ok(what, message)
    return `${what} at ${line.slice(caret.length - 1)}`
  })
}

/** What only DuckDB understands, what is said of it, and how the text goes on where the caret stands. */
const DUCKDB: [sql: string, ...objections: string[]][] = [
  ['select a from t qualify row_number() over () = 1', 'QUALIFY at = 1'],
  ['select a // 2 from t', 'the operator // at // 2 from t'],
  ['select a ** 2 from t', 'the operator ** at ** 2 from t'],
  ["select a from t where b glob 'x'", "the operator ~~~ at glob 'x'"],
  ["select a from t where b similar to 'x'", "the function regexp_full_match, which is not in both under this name and meaning at similar to 'x'"],
  ['select list_transform(a, lambda x: x + 1) from t', 'the function list_transform, which is not in both under this name and meaning at list_transform(a, lambda x: x + 1) from t',
    'a lambda or -> at x: x + 1) from t'],
  ["select a -> '$.b' from t", "a lambda or -> at -> '$.b' from t"],
  ["select a ->> '$.b' from t", "the operator ->> at ->> '$.b' from t"],
  ['select t.a from t asof join u on t.a >= u.a', 'a join that is ASOF at asof join u on t.a >= u.a'],
  ['select t.a from t positional join u', 'a join that is POSITIONAL at positional join u'],
  ['select t.a from t semi join u on t.a = u.a', 'SEMI JOIN at semi join u on t.a = u.a'],
  ['select record.subject.uri from t', 'the field record.subject.uri of a struct at record.subject.uri from t'],
  ['select record.uri from t', 'the field record.uri of a struct at record.uri from t'],
  ['select (a).b from t', 'a field of a struct at a).b from t'],
  ['select a from range(3) r(a), unnest([1]) u(b)', 'unnest(…) as a relation at unnest([1]) u(b)', 'a list in brackets at 1]) u(b)'],
  ['select unnest(a) from t', 'unnest at unnest(a) from t'],
  ["select {'a': 1}", "a struct at 'a': 1}"],
  ['select [lower(a)] from t', 'a list in brackets at lower(a)] from t'],
  ['select a::bigint from t', ':: at ::bigint from t'],
  ['select cast(a as varchar) from t', 'the type varchar at cast(a as varchar) from t'],
  ["select cast(cast('as x)' as string) as hugeint)", "the type hugeint at cast(cast('as x)' as string) as hugeint)"],
  ["select timestamptz '2026-01-01'", "a literal of TIMESTAMP WITH TIME ZONE at '2026-01-01'"],
  ["select regexp_extract_all(a, 'b') from t", "regexp_extract_all without a group at regexp_extract_all(a, 'b') from t"],
  ["select regexp_replace(a, 'b', 'c') from t", "the function regexp_replace, which is not in both under this name and meaning at regexp_replace(a, 'b', 'c') from t"],
  ['select epoch_ms(a) from t', 'the function epoch_ms, which is not in both under this name and meaning at epoch_ms(a) from t'],
  ['select to_hours(1)', 'the function to_hours, which is not in both under this name and meaning at to_hours(1)'],
  ['select main.lower(a), arg_max(a, b) over () from t', 'the function arg_max, which is not in both under this name and meaning at arg_max(a, b) over () from t'],
  ['select * exclude (a) from t', '* EXCLUDE at * exclude (a) from t'],
  ['select * replace (1 as a) from t', '* REPLACE at * replace (1 as a) from t'],
  ['select * rename (a as b) from t', '* RENAME at * rename (a as b) from t'],
  ["select columns('a.*') from t", "COLUMNS(…) at columns('a.*') from t"],
  ['from t', 'FROM before SELECT at t'],
  ['from t select a', 'FROM before SELECT at t select a'],
  ['with a as (select 1 as x) from a', 'FROM before SELECT at a'],
  ['select a from t where b in (from u)', 'FROM before SELECT at u)'],
  ['select a from (from u select a) v', 'FROM before SELECT at u select a) v'],
  ['select a[1:2] from t', 'a slice of a list at a[1:2] from t'],
  ['select a[1] from t', 'an element of a list by its index, which begins at 1 here and at 0 there at a[1] from t'],
  ['select a, count(*) from t group by all', 'GROUP BY ALL at a, count(*) from t group by all'],
  ['select a from t order by all', 'ORDER BY ALL at all'],
  ['select distinct on (a) a, b from t', 'DISTINCT ON at a) a, b from t'],
  ['select a from t limit 10%', 'LIMIT % at 10%'],
  ['select a from t union by name select a from u', 'UNION BY NAME at a from t union by name select a from u'],
  ["-- Ä 'é\nselect 'ü', a // 2 from t", 'the operator // at // 2 from t'],
]

for (const [sql, ...expected] of DUCKDB) test(`not for Spark: ${sql}`, async () => assert.deepEqual(await objections(sql), expected))

const BOTH = [
  "select p.a, t.b, count(*), count(distinct a), sum(a) filter (where b) from t, p group by 1, 2 having count(*) > 1 order by 1 desc nulls last, 2 limit 10",
  "select date_trunc('hour', a), extract(year from a), a - interval '1' hour, a - interval 5 minute, date '2026-01-01', timestamp '2026-01-01' from t",
  'select sum(a) over (partition by b order by c range between interval 1 minute preceding and current row), row_number() over w from t window w as (order by a)',
  'select percentile_cont(0.5) within group (order by a), max_by(a, b), stddev_samp(c) from t',
  "select regexp_extract_all(a, 'b', 0), regexp_extract(a, 'b', 1), explode(words(a)), WORDS(a), Lower(a) from t",
  "select case when a like 'x%' and b not ilike 'y' then -1 else a % 2 end, coalesce(a, b), nullif(a, b), a || b, not a, a is null, a between 1 and 2 from t",
  'select cast(sum(a) as bigint), cast(floor(a / b) as double), try_cast(c as decimal(10, 2)), cast(d as string) from t group by b',
  'with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select r.n, * from r join t u using (n) left join (select 1 as n) s on s.n = r.n',
  'select a from t where exists (select 1 from u where u.b = t.b) and (a, b) in (select a, b from v) union all select b from u except select c from w',
  "select a from (values (1), (2)) as v(a) cross join range(3) as r(b) where substring('abc' from 2) = 'x' and a in (1, 2)",
]

for (const sql of BOTH) test(`for Spark too: ${sql}`, async () => assert.deepEqual(await objections(sql), []))
