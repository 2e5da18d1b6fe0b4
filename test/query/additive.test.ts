import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Engine } from '../../src/duckdb.ts'
import { columnsOf, openEngine } from '../../src/duckdb.ts'
import { additiveProblems } from '../../src/query/additive.ts'
import { eventsDefinition } from '../../src/query/events.ts'
import type { Functions } from '../../src/query/functions.ts'
import { functionsOf } from '../../src/query/functions.ts'
import { parseHeader } from '../../src/query/header.ts'
import { parseModels } from '../../src/query/parse.ts'
import { statement } from '../../src/query/statement.ts'
import { ROOT } from '../process.ts'
import { sluiceTest } from './trials.ts'
import { addToLake, periodic, workplace, write } from './workplace.ts'

const MACROS = `${readFileSync(join(ROOT, 'queries/macros.sql'), 'utf8')}
CREATE MACRO total(x) AS cast(sum(x) AS bigint);
CREATE MACRO longest(list) AS (SELECT max(length(x)) FROM unnest(list) t(x));`

/** Staging models that the cases read, and a seed. */
const VIEWS: Record<string, string> = {
  likes: "select event_time, did, subject_uri, langs, text, hour from events where collection = 'app.bsky.feed.like'",
  posts: "select event_time, did, text from events where collection = 'app.bsky.feed.post'",
  named: 'select l.did, l.event_time, s.word from likes l left join stopwords s on s.lang = l.langs[1]',
  everybody: 'select did, event_time from likes union all select did, event_time from posts',
  per_user: 'select did, count(*) as n from likes group by did',
  once: 'select distinct did from likes',
  first_ten: 'select did from likes order by event_time limit 10',
  mixed: 'select did from likes union all select word from stopwords',
}

const SUM = 'sum: [n]'

/** What is accepted adds up; a test below asks each of them of parts of a stream, too. */
const ACCEPTED: [accumulates: string, sql: string][] = [
  [SUM, 'select did, count(*) as n from likes group by did'],
  [SUM, 'select did, count(*) as n from likes group by 1 order by n desc, did limit 3'],
  [SUM, 'select l.did as who, count(text) filter (where length(text) > 3) as n from likes l group by l.did'],
  [SUM, "select date_trunc('minute', event_time) as minute, cast(count_if(did like '%1%') as bigint) as n from likes group by minute"],
  [SUM, 'select count(*) as n from likes'],
  [SUM, "select 'likes' as what, count(*) as n from likes"],
  [SUM, 'select did, upper(did) as loud, count(*) as n from likes group by all'],
  [SUM, 'select did, cast(coalesce(sum(length(text)), 0) as bigint) as n from likes group by did'],
  [SUM, 'select did, sum(cast(length(text) as decimal(9, 2))) as n from likes group by did'],
  [SUM, 'select did, word, count(*) as n from named group by did, word'],
  [SUM, 'select did, count(*) as n from everybody group by did'],
  [SUM, 'select did, count(*) as n from likes where length(text) > (select min(length(word)) from stopwords) group by did'],
  [SUM, 'select u.x as lang, count(*) as n from likes, unnest(langs) as u(x) group by u.x'],
  [SUM, 'with w as (select explode(words(text, langs[1])) as word from likes) select word, count(*) as n from w where not exists (select 1 from stopwords s where s.word = w.word) group by word'],
  [SUM, 'select longest(langs) as l, count(*) as n from likes group by 1'],
  [`${SUM}, max: [last], min: [first]`, 'select did, count(*) as n, max(event_time) as last, min(event_time) as first from likes group by did'],
  ['max: [day]', 'select did, cast(max(event_time) as date) as day from likes group by did'],
  ['max: [n]', 'select did, max(length(text)) as n from likes group by did having max(length(text)) >= 4'],
  // A name is a column of what is read first: of likes here.
  ['max: [event_time]', "select date_trunc('hour', event_time) as hour_of, max(event_time) as event_time from likes group by 1"],
  ['rows: true', 'select did, text from likes where text is not null'],
  ['rows: true', 'select did, explode(langs) as lang from likes union all select did, text from posts'],
  ['rows: true', 'select did, event_time, text from likes order by event_time desc, did, text limit 5'],
  ['rows: true', 'select l.did, s.lang from likes l cross join (select distinct lang from stopwords) s'],
  ['distinct: true', 'select distinct did from likes'],
  ['distinct: true', "select date_trunc('minute', event_time) as minute, did from likes group by 1, 2 order by did, minute limit 7"],
]

const REFUSED: [accumulates: string, sql: string, got: RegExp][] = [
  [SUM, 'select langs[1] as l, count(distinct did) as n from likes group by 1', /got count\(DISTINCT …\), in which a value of two hours would count twice; keep the rows in a staging model with SELECT DISTINCT and accumulates: \{distinct: true\}/],
  [SUM, 'select did, cast(sum(distinct length(text)) as bigint) as n from likes group by did', /sum\(DISTINCT …\)/],
  [SUM, 'select did, approx_count_distinct(text) as n from likes group by did', /approx_count_distinct, which does not add up; keep the rows/],
  [SUM, 'select did, avg(length(text)) as n from likes group by did', /got avg; keep its sum and its count here, and divide in a model above/],
  [SUM, 'select did, cast(avg(length(text)) as bigint) as n from likes group by did', /got avg;/],
  ['max: [n]', 'select did, median(length(text)) as n from likes group by did', /got median as `n`; under max a column is max\(x\)/],
  ...['quantile_cont(length(text), 0.5)', 'stddev(length(text))', 'list(did)', "string_agg(text, ',')", 'first(text)', 'any_value(text)', 'mode(text)', 'max_by(text, event_time)', 'bool_or(true)', 'max(text, 2)']
    .map((of): [string, string, RegExp] => ['max: [n]', `select did, ${of} as n from likes group by did`, /got \w+ as `n`; under max a column is max\(x\): write that alone/]),
  ['min: [n]', 'select did, max(event_time) as n from likes group by did', /got max as `n`; under min/],
  [SUM, 'select did, max(length(text)) as n from likes group by did', /got max as `n`; under sum/],
  [SUM, 'select did, count(*) * 2 + 1 as n from likes group by did', /got an expression with \+ as `n`/],
  [SUM, 'select did, coalesce(sum(length(text)), 1)::bigint as n from likes group by did', /got an expression as `n`/],
  [SUM, 'select did, total(length(text)) as n from likes group by did', /got total as `n`/],
  [SUM, 'select total(length(text)) as t, count(*) as n from likes', /the macro total, in which there is sum; write it out/],
  [SUM, 'select did, try_cast(sum(length(text)) as tinyint) as n from likes group by did', /got an expression as `n`/],
  [SUM, 'select did, sum(length(text)) as n from likes group by did', /a sum of HUGEINT as `n`, which Parquet does not have; cast it, as in cast\(sum\(x\) as bigint\)/],
  [SUM, 'select did, sum(length(text) / 3) as n from likes group by did', /a sum of DOUBLE as `n`, which depends on the order of its parts; add up bigint or decimal/],
  [SUM, 'select did, cast(sum(cast(length(text) as decimal(9, 2))) as bigint) as n from likes group by did', /a sum of DECIMAL\(38,2\) that is cast to BIGINT as `n`, of which each part would be rounded/],
  ['max: [n]', 'select did, cast(max(text) as int) as n from likes group by did', /max of VARCHAR that is cast to INTEGER/],
  ['max: [n]', 'select did, coalesce(max(length(text)), 3) as n from likes group by did', /got an expression as `n`/],
  [SUM, 'select did, count(*) as n from likes group by did having count(*) > 1', /got HAVING, which judges a part of the stream as if it were the whole; filter in a model above/],
  ['max: [n, m]', 'select did, max(length(text)) as n, max(event_time) as m from likes group by did having max(length(text)) >= 4', /got HAVING/],
  [SUM, 'select distinct did, count(*) as n from likes group by did', /got DISTINCT;/],
  ['rows: true', 'select distinct did from likes', /got DISTINCT, in which a row of two hours would come twice; say accumulates: \{distinct: true\}/],
  ['distinct: true', 'select did from likes', /a SELECT that may give a row more than once; write SELECT DISTINCT/],
  ['rows: true', 'select did, count(*) as n from likes group by did', /GROUP BY/],
  ['rows: true', 'select max(event_time) as t from likes', /max in a place where/],
  ['rows: true', 'select did, row_number() over (order by event_time) as n from likes', /a window function, which sees the rows of a part/],
  ['rows: true', 'select did from likes qualify row_number() over (partition by did order by event_time) = 1', /QUALIFY/],
  ['rows: true', 'select did from likes limit 10', /LIMIT without ORDER BY/],
  ['rows: true', 'select did from likes order by did limit 10%', /LIMIT %/],
  ['rows: true', 'select did from likes order by (select count(*) from posts)', /a subquery over events in ORDER BY/],
  [SUM, 'select did, count(*) as n from (select did, lag(did) over (order by event_time) as p from likes) where p = did group by did', /a window function/],
  [SUM, 'select l.did, count(*) as n from likes l join posts p on p.did = l.did group by l.did', /a join of two relations of events, of which one may be in an earlier file/],
  [SUM, 'select l.did, count(*) as n from likes l, likes m where l.did = m.did group by l.did', /a join of two relations/],
  [SUM, 'select s.word, count(l.did) as n from stopwords s left join likes l on l.text = s.word group by s.word', /a LEFT JOIN that keeps rows without an event/],
  [SUM, 'select s.word, count(l.did) as n from likes l full join stopwords s on l.text = s.word group by s.word', /an? (FULL|OUTER) JOIN/],
  [SUM, 'select did, count(*) as n from likes where did in (select did from posts) group by did', /a subquery over events/],
  [SUM, 'select did, count(*) as n from likes l where not exists (select 1 from posts p where p.did = l.did) group by did', /a subquery over events/],
  [SUM, 'select did, count(*) as n from likes where event_time > (select max(event_time) from likes) group by did', /a subquery over events/],
  [SUM, 'with p as (select did from posts) select did, count(*) as n from likes where did in (from p) group by did', /a subquery over events/],
  [SUM, 'select did, count(*) as n from (select did from likes order by event_time limit 10) group by did', /LIMIT or OFFSET in a subquery/],
  [SUM, 'select did, count(*) as n from (select did from likes offset 3) group by did', /LIMIT or OFFSET/],
  [SUM, 'select did, count(*) as n from (select distinct did from likes) group by did', /DISTINCT in a subquery/],
  [SUM, 'select did, count(*) as n from (select did from likes union select did from posts) group by did', /UNION without ALL/],
  [SUM, 'select did, count(*) as n from (select did from likes except all select did from posts) group by did', /EXCEPT/],
  [SUM, 'select did, count(*) as n from likes group by did union all select did, count(*) from posts group by did', /UNION as the outermost query/],
  [SUM, 'select did, count(*) as n from likes group by did, langs', /GROUP BY something that is no column of the result/],
  [SUM, "select date_trunc('hour', event_time) as event_time, count(*) as n from likes group by event_time", /GROUP BY something that is no column/],
  [SUM, 'select did, count(*) as n from likes group by rollup (did)', /ROLLUP/],
  [SUM, 'select did, count(*) as n, n > 3 as many from likes group by did', /a column made of `n`, which is another one when that is whole/],
  [SUM, 'select did, count(*) as n, max(event_time) as last from likes group by did', /max in a place where it is asked of a part/],
  [SUM, 'select did, n from per_user', /got a plain column as `n`/],
  [SUM, 'select did, cast(sum(n) as bigint) as n from per_user group by did', /GROUP BY in a subquery or in a view below/],
  ['min: [n]', 'select min(n) as n from per_user', /GROUP BY in a subquery or in a view below/],
  [SUM, 'select count(*) as n from once', /DISTINCT in a subquery/],
  [SUM, 'select count(*) as n from first_ten', /LIMIT or OFFSET/],
  [SUM, 'select count(*) as n from mixed', /UNION ALL of events and of rows that are no events/],
  [SUM, 'select count(*) as n from stopwords', /a query that reads no events/],
  [SUM, 'select did, count(*) as n from main.likes group by did', /main\.likes; name it without its schema/],
  [SUM, 'select did, count(*) as n from likes where event_time > now() - interval 1 hour group by did', /the same tomorrow.*got now/],
  [SUM, 'select did, count(*) as n from likes where event_time > ago(interval 1 hour) group by did', /the same tomorrow.*got ago/],
  [SUM, 'select did, count(*) as n from likes where known(text) group by did', /the macro known, in which there is a subquery over stopwords/],
  [SUM, 'select * from (pivot likes on langs[1] in (\'en\') using count(*) group by did) as p(did, n)', /PIVOT/],
  ['max: [n], window: 60s', 'select did, max(n) as n from (select did, avg(length(text)) as n from likes group by did) group by did', /avg in a model with window, which later events can make less/],
  ['max: [n], window: 60s', 'select did, max(n) as n from (select did, count(*) as n from likes l where not exists (select 1 from posts p where p.did = l.did) group by did) group by did', /NOT EXISTS or NOT IN/],
  ['max: [n], window: 60s', 'select did, max(length(text)) as n from (select did, text from likes limit 3) group by did', /LIMIT or OFFSET/],
  ['max: [n], window: 60s', 'select did, count(*) as n from likes group by did', /got count_star as `n`; under max/],
]

let engine: Engine
let functions: Functions
before(async () => {
  engine = await openEngine({ threads: 1 })
  const session = await engine.connect()
  await session.run(`CREATE TABLE events (${eventsDefinition()})`)
  await session.run(`CREATE TABLE stopwords AS FROM read_csv('${join(ROOT, 'queries/seeds/stopwords.csv')}')`)
  await session.run(`${MACROS} CREATE MACRO known(what) AS what IN (SELECT word FROM stopwords);`)
  functions = await functionsOf(session)
})
after(() => engine.close())

async function problemsOf(accumulates: string, sql: string): Promise<string[]> {
  const session = await engine.connect()
  const layers = [...Object.entries(VIEWS).map(([name, text]) => [name, text, ''] as const), ['model', sql, `accumulates: {${accumulates}}`] as const]
  const models = await parseModels(session, await Promise.all(layers.map(async ([name, text, yaml]) => {
    const parsed = await parseHeader(name, yaml)
    assert.ok('header' in parsed, yaml)
    return { name, layer: 'staging' as const, file: name, sql: text, header: parsed.header }
  })))
  for (const model of models) await session.run(statement(model).replace('CREATE VIEW', 'CREATE OR REPLACE VIEW'))
  const model = models.at(-1) as (typeof models)[number]
  const reads = (from: typeof model): typeof models => models.filter(({ name }) => from.references.some((reference) => reference.name === name)).flatMap((one) => [...reads(one), one])
  const problems = await additiveProblems(session, model, [...new Set(reads(model))], await columnsOf(session, 'model'), functions)
  session.close()
  return problems.map(({ file, line, message }) => `${file}:${line}: ${message}`)
}

test('SQL that adds up is accepted', async () => {
  for (const [accumulates, sql] of ACCEPTED) assert.deepEqual(await problemsOf(accumulates, sql), [], sql)
})

test('SQL that does not add up is refused at its place, and it says what to do', async () => {
  for (const [accumulates, sql, got] of REFUSED) {
    const problems = await problemsOf(accumulates, sql)
    assert.match(problems.join('\n'), got, sql)
    for (const problem of problems) assert.match(problem, /^\w+:1: expected only what (adds up|is the same).*, got .*; /, sql)
  }
})

const header = (accumulates: string): string => `/*\naccumulates: {${accumulates}}\n*/\n`

/** A project with the staging models, and these metrics. */
function project(t: TestContext, metrics: Record<string, string>): string {
  const cwd = workplace(t)
  const staging = Object.entries(VIEWS).map(([name, sql]) => [`queries/staging/${name}.sql`, sql])
  write(cwd, { 'queries/macros.sql': MACROS, ...Object.fromEntries(staging), ...Object.fromEntries(Object.entries(metrics).map(([name, sql]) => [`queries/metrics/${name}.sql`, sql])) })
  mkdirSync(join(cwd, 'queries/seeds'))
  copyFileSync(join(ROOT, 'queries/seeds/stopwords.csv'), join(cwd, 'queries/seeds/stopwords.csv'))
  return cwd
}

/** Likes and posts of 40 users in two hours, each time others of the same ones. */
const BATCH = (n: number): string => `
  SELECT TIMESTAMPTZ '2026-07-04 10:00:00+00' + to_seconds(hash(i, ${n}) % 7200) AS event_time, 'did:plc:' || hash(i, ${n}, 'did') % 40 AS did, 'r' || i AS rkey,
    'commit' AS kind, 'create' AS action, CASE WHEN hash(i, ${n}, 'c') % 3 = 0 THEN 'app.bsky.feed.post' ELSE 'app.bsky.feed.like' END AS collection,
    ['the', 'sea', 'of', 'green', NULL][1 + (hash(i, ${n}, 't') % 5)::INT] AS text, CASE WHEN i % 4 > 0 THEN [['en', 'de', 'fr'][1 + i % 3], 'en'][: 1 + i % 2] END AS langs
  FROM range(400) t(i)`

test('all that is accepted is, run after run, what --full makes of everything; its halves add up, too', async (t) => {
  const cwd = project(t, Object.fromEntries(ACCEPTED.map(([accumulates, sql], n) => [`m${n}`, header(accumulates) + sql])))
  const published = (directory: string): Record<string, string> => Object.fromEntries(ACCEPTED.map(([, sql], n) => {
    const [first = '', ...rows] = readFileSync(join(cwd, directory, `m${n}.csv`), 'utf8').trim().split('\n')
    return [sql, [first, ...(/ order by /.test(sql) ? rows : rows.sort())].join('\n')]
  }))
  for (const n of [1, 2]) {
    await addToLake(cwd, BATCH(n), n === 1 ? 'a' : 'b')
    const { code, stderr } = await periodic(cwd)
    assert.equal(code, 0, stderr)
  }
  const incremental = published('metrics')
  const { code, stderr } = await periodic(cwd, ['--full', '--metrics', 'full', '--state', 'elsewhere'])
  assert.equal(code, 0, stderr)
  assert.deepEqual(incremental, published('full'))
  for (const [sql, text] of Object.entries(incremental)) assert.ok(text.split('\n').length > 1, `${sql} has rows`)

  const { tests } = await sluiceTest(cwd)
  const halves = tests.filter(({ kind }) => kind === 'accumulates')
  assert.deepEqual(halves.map(({ test }) => test).sort(), ACCEPTED.map((_, n) => `accumulates(m${n})`).sort())
  assert.deepEqual(halves.filter(({ status }) => status !== 'pass'), [])
})

test('a run refuses a model that does not add up, with --full too; what the SQL does not show is found by its halves', async (t) => {
  const users = '/*\naccumulates: {sum: [users]}\n*/\nselect\n  langs[1] as lang,\n  count(distinct did) as users\nfrom likes group by 1'
  const cwd = project(t, {
    users,
    'of-a-view': `${header(SUM)}select did, count(*) as n from per_user group by did`,
    right: `${header(SUM)}select did, count(*) as n from likes group by did order by did`,
    // Nothing in its SQL says that it is of a minute.
    unbounded: `${header('max: [n], window: 60s')}select did, max(n) as n from (select did, count(*) as n from likes group by did) group by did order by did`,
    // A gap, once seen, may be filled later.
    gaps: `${header('max: [n], window: 60s')}select max(n) as n from (select epoch(event_time - lag(event_time) over (order by event_time)) as n from likes)`,
  })
  await addToLake(cwd, BATCH(1))
  for (const args of [[], [], ['--full'], []]) {
    const { code, stderr } = await periodic(cwd, args)
    assert.equal(code, 1)
    assert.match(stderr, /^queries\/metrics\/users\.sql:6: expected only what adds up from hour to hour, since what each hour contributes to users is kept, got count\(DISTINCT …\).*\nLINE 6: +count\(distinct did\) as users\n +\^$/m)
    assert.match(stderr, /^queries\/staging\/per_user\.sql:1: expected only what adds up .* contributes to of-a-view is kept, got GROUP BY in a subquery or in a view below/m)
    assert.deepEqual(['users', 'of-a-view', 'right'].map((name) => existsSync(join(cwd, `metrics/${name}.csv`))), [false, false, true])
  }
  const { code, tests } = await sluiceTest(cwd)
  assert.equal(code, 1)
  const status = (name: string): string | undefined => tests.find(({ test }) => test === `accumulates(${name})`)?.status
  assert.deepEqual(['users', 'of-a-view', 'right', 'unbounded', 'gaps'].map(status), ['fail', 'fail', 'pass', 'fail', 'fail'])
  const unbounded = tests.find(({ test }) => test === 'accumulates(unbounded)')
  assert.match(unbounded?.problem?.message ?? '', /^accumulates\(unbounded\) does not hold for \d+ rows: see \.sluice\/failures\/accumulates\(unbounded\)\.csv: two halves of the newest hour, put together, are not what the whole hour is; remove accumulates, or /)
  assert.equal(unbounded?.problem?.line, 2)
  assert.match(readFileSync(join(cwd, unbounded?.kept ?? ''), 'utf8'), /^only_in,did,n\n(the hour but not its halves by|halves by) /)
})
