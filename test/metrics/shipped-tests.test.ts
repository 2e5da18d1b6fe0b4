import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { random } from '../lines.ts'
import { ROOT, workplace } from '../process.ts'
import type { Line } from '../query/trials.ts'
import { sluiceTest } from '../query/trials.ts'
import type { EventRow } from './rows.ts'
import { writeLake } from './rows.ts'
import { seededRows } from './seeded.ts'

const QUERIES = join(ROOT, 'queries')
const METRICS = readdirSync(join(QUERIES, 'metrics')).map((file) => file.replace(/\.sql$/, '')).sort()

/** A directory with the shipped queries, less the limits of freshness, and a lake of these rows. */
async function place(t: TestContext, rows: readonly EventRow[]): Promise<string> {
  const cwd = workplace(t)
  cpSync(QUERIES, join(cwd, 'queries'), { recursive: true, filter: (path) => !path.endsWith('sources.yaml') })
  mkdirSync(join(cwd, 'lake'))
  await writeLake(join(cwd, 'lake'), rows)
  return cwd
}

const statuses = (tests: readonly Line[], status: Line['status']): string[] => tests.filter((one) => one.status === status).map((one) => one.test)

test('all that ships holds of a seeded stream, and every metric has two cases', async (t) => {
  const cwd = await place(t, seededRows(random(1), 20_000))
  const { tests, code, stderr } = await sluiceTest(cwd)
  assert.deepEqual([statuses(tests, 'fail'), statuses(tests, 'skipped')], [[], []], stderr)
  assert.equal(code, 0)
  for (const metric of METRICS) {
    const of = (kind: string): number => tests.filter((one) => one.of === metric && one.kind === kind).length
    assert.ok(of('case') >= 2, `${metric} has ${of('case')} cases`)
    assert.ok(of('column') >= 3, `${metric} has ${of('column')} tests of columns`)
  }
  assert.equal(tests.filter(({ kind }) => kind === 'query').length, 3)
})

test('it holds of an empty lake too', async (t) => {
  const { tests, code, stderr } = await sluiceTest(await place(t, []))
  assert.deepEqual([code, stderr, statuses(tests, 'pass').length], [0, '', tests.length])
})

/** How a mistake in a model is made, and which tests see it. */
const MISTAKES: { what: string; file: string; from: string; to: string; seenBy: string[] }[] = [
  {
    what: 'hours where minutes are meant',
    file: 'metrics/likes-per-minutes.sql', from: "date_trunc('minute', utc(event_time))", to: "date_trunc('hour', utc(event_time))",
    seenBy: ['likes-per-minutes/minute-edges'],
  },
  {
    what: 'a minute of likes that is left out',
    file: 'metrics/likes-per-minutes.sql', from: 'from likes', to: 'from likes where minute(event_time) <> 7',
    seenBy: ['likes-are-counted-once'],
  },
  {
    what: 'likes that were taken back',
    file: 'staging/likes.sql', from: " and action = 'create'", to: '',
    seenBy: ['likes-per-minutes/only-created-likes'],
  },
  {
    what: 'a window that its last microsecond is part of',
    file: 'metrics/fast-likers.sql', from: 'least(starts + 60000000, coalesce(again, starts + 60000000))', to: 'least(starts + 60000001, coalesce(again, starts + 60000001))',
    seenBy: ['fast-likers/window-slides-by-microseconds'],
  },
  {
    what: 'likes instead of posts liked',
    file: 'metrics/fast-likers.sql', from: 'partition by n.did, n.subject_uri order by', to: 'partition by n.did, n.subject_uri, n.starts order by',
    seenBy: ['fast-likers/distinct-posts'],
  },
  {
    what: 'stop words of all languages at once',
    file: 'metrics/top-10-word.sql', from: 's.lang = u.stopword_lang and ', to: '',
    seenBy: ['top-10-word/stop-words-of-the-posts-language'],
  },
  {
    what: 'no stop words at all',
    file: 'metrics/top-10-word.sql', from: 's.lang = u.stopword_lang and s.word = u.word', to: 'false',
    seenBy: ['top-10-word/stop-words-of-the-posts-language', 'top-words-are-no-stop-words'],
  },
  {
    what: 'a word as often as a post says it',
    file: 'metrics/top-10-word.sql', from: 'array_distinct(words(text, lang))', to: 'words(text, lang)',
    seenBy: ['top-10-word/once-per-post-without-links'],
  },
  {
    what: 'days in the order of their letters',
    file: 'metrics/posts-by-time-of-day.sql', from: 'order by day, hour_of_day', to: 'order by time_of_day',
    seenBy: ['posts-by-time-of-day/monday-first'],
  },
  {
    what: 'a gain over nothing',
    file: 'metrics/trending-hashtags.sql', from: 'where uses > uses_before', to: 'where uses >= uses_before',
    seenBy: ['trending-hashtags/last-hour-against-the-one-before'],
  },
  {
    what: 'a silence that includes the second that ends it',
    file: 'metrics/stream-health.sql', from: ') - 1 as silence', to: ') as silence',
    seenBy: ['stream-health/a-hole-in-the-stream', 'stream-health/every-kind-of-event'],
  },
  {
    what: 'a stop word that stands twice',
    file: 'seeds/stopwords.csv', from: 'en,the\n', to: 'en,the\nen,the\n',
    seenBy: ['stopwords.lang+word.unique'],
  },
]

test('mistakes in models are seen', async (t) => {
  const cwd = await place(t, seededRows(random(1), 20_000))
  for (const { what, file, from, to, seenBy } of MISTAKES) {
    const path = join(cwd, 'queries', file)
    const before = readFileSync(path, 'utf8')
    const written = new RegExp(from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+'))
    assert.match(before, written, what)
    writeFileSync(path, before.replace(written, () => to))
    const { tests, code } = await sluiceTest(cwd, '--select', file.startsWith('staging') ? 'likes-per-minutes' : (file.split('/')[1] as string).replace(/\..*/, ''))
    const failed = statuses(tests, 'fail')
    for (const name of seenBy) assert.ok(failed.includes(name), `${what}: seen by ${failed.join(', ') || 'nobody'}, not by ${name}`)
    assert.equal(code, 1)
    writeFileSync(path, before)
  }
})

test('an event in the partition of another hour is seen', async (t) => {
  const cwd = await place(t, seededRows(random(1), 2000))
  const [hour = ''] = readdirSync(join(cwd, 'lake'), { recursive: true, encoding: 'utf8' }).filter((path) => /hour=\d\d$/.test(path)).sort()
  renameSync(join(cwd, 'lake', hour), join(cwd, 'lake', 'date=2025-01-01'))
  mkdirSync(join(cwd, 'lake', 'moved'))
  renameSync(join(cwd, 'lake', 'date=2025-01-01'), join(cwd, 'lake', 'moved', 'hour=05'))
  renameSync(join(cwd, 'lake', 'moved'), join(cwd, 'lake', 'date=2025-01-01'))
  const { tests, code } = await sluiceTest(cwd, '--select', 'events-lie-in-their-hour')
  assert.equal(code, 1)
  assert.deepEqual(statuses(tests, 'fail'), ['events-lie-in-their-hour'])
  assert.ok((tests[0]?.rows ?? 0) > 0)
})
