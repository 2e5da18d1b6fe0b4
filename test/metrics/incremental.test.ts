import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { DUCKDB_VERSION, openEngine } from '../../src/duckdb.ts'
import { openDisk } from '../../src/lake/disk.ts'
import type { Upkeep } from '../../src/lake/maintain.ts'
import { maintain } from '../../src/lake/maintain.ts'
import { HOUR_MS } from '../../src/lake/names.ts'
import { formatCache } from '../../src/query/cache.ts'
import type { Ledger } from '../../src/query/ledger.ts'
import { run as runModels } from '../../src/query/run.ts'
import { explain } from '../../src/query/table.ts'
import { openCsvSink } from '../../src/sink/csv.ts'
import { random } from '../lines.ts'
import { ROOT, run, start, until, workplace } from '../process.ts'
import type { EventRow } from './rows.ts'
import { writeLake } from './rows.ts'
import { seededRows } from './seeded.ts'

/** How many histories: each takes a quarter of a minute. */
const SEEDS = Number(process.env['HISTORIES'] ?? 1)

/** Edits that change results, each in a file below queries/. */
const EDITS: [file: string, from: string, to: string][] = [
  ['metrics/fast-likers.sql', '>= 50\norder', '>= 51\norder'],
  ['metrics/top-10-word.sql', 'limit\n  10', 'limit\n  12'],
  ['staging/likes.sql', "action = 'create'", "action <> 'delete'"],
  ['macros.sql', "[’ʼ]', ''''", "[’ʼ]', ''"],
  ['metrics/stream-health.sql', 'coalesce(max(silence), 0)', 'coalesce(max(silence), 1)'],
  ['seeds/stopwords.csv', '\nen,', '\nen,software\nen,'],
]

interface World {
  cwd: string
  chance: () => number
  /** By time; what comes next is at the front. */
  ahead: EventRow[]
  /** Held back, to come late. */
  behind: EventRow[]
  there: EventRow[]
  files: number
  edits: number
}

function worldOf(t: TestContext, seed: number): World {
  const cwd = workplace(t)
  const chance = random(seed)
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  mkdirSync(join(cwd, 'lake'))
  const rows = seededRows(chance, 6000).sort((a, b) => a.event_time - b.event_time)
  const behind: EventRow[] = []
  const ahead = rows.filter((row) => chance() > 0.03 || !behind.push(row))
  return { cwd, chance, ahead, behind, there: [], files: 0, edits: seed - 1 }
}

async function add(world: World, rows: readonly EventRow[]): Promise<void> {
  const name = `20260704T112000000Z-000000-${String(++world.files).padStart(8, '0')}`
  await writeLake(join(world.cwd, 'lake'), rows, name)
  world.there.push(...rows)
}

const take = (from: EventRow[], count: number, at = 0): EventRow[] => from.splice(at, count)

async function keep(world: World, days: number | undefined): Promise<Upkeep> {
  const [lake, state] = [join(world.cwd, 'lake'), join(world.cwd, 'state')]
  const engine = await openEngine({ threads: 1 })
  const session = await engine.connect()
  const watermark = Math.max(...world.there.map(({ event_time }) => event_time / 1000))
  try {
    return await maintain({ lake, state, id: 'test', disk: openDisk(), now: () => Date.now() + 1 }, session, {
      watermark, sealAfter: -HOUR_MS, targetBytes: 1e9, budget: Infinity, keep: days && days * 24 * HOUR_MS, grace: 0, yes: true, pending: async () => new Set(),
    })
  } finally {
    session.close()
    engine.close()
  }
}

/** What happens to a lake and its queries between two runs. */
const EVENTS: Record<string, (world: World) => Promise<unknown>> = {
  'a batch': (world) => add(world, take(world.ahead, 200 + Math.floor(world.chance() * 800))),
  'late events': (world) => add(world, take(world.behind, 40, Math.floor(world.chance() * Math.max(0, world.behind.length - 40)))),
  'events that were there before': (world) => add(world, [...world.there].sort(() => world.chance() - 0.5).slice(0, 40)),
  nothing: async () => {},
  compaction: (world) => keep(world, undefined),
  retention: (world) => keep(world, 1 + Math.floor(world.chance() * 15)),
  async 'an edited query'(world) {
    const [file, from, to] = EDITS[world.edits++ % EDITS.length] as (typeof EDITS)[number]
    const path = join(world.cwd, 'queries', file)
    const text = readFileSync(path, 'utf8')
    // The second time round it is edited back.
    const edited = text.includes(to) ? text.replace(to, from) : text.replace(from, to)
    assert.notEqual(edited, text, `${file} has ${from}`)
    writeFileSync(path, edited)
  },
}

async function periodic({ cwd }: World, kind: 'incremental' | 'full', upkeep?: () => Promise<Upkeep>): Promise<Map<string, string>> {
  const metrics = join(cwd, kind)
  const { outcomes } = await runModels({
    lake: join(cwd, 'lake'), state: join(cwd, kind === 'full' ? 'elsewhere' : 'state'), queries: join(cwd, 'queries'), select: undefined, full: kind === 'full',
    now: Date.now, notice: (text) => assert.fail(text), signal: new AbortController().signal, openSink: (scratch) => openCsvSink({ directory: metrics, scratch }), ...(upkeep ? { upkeep } : {}),
  })
  assert.deepEqual(outcomes.flatMap(explain), [])
  assert.deepEqual(outcomes.filter(({ status }) => status !== 'ok'), [])
  return new Map(readdirSync(metrics).map((file) => [file, readFileSync(join(metrics, file), 'utf8')]))
}

/** The files of rows that are kept, by model and hour. */
function keptRows({ cwd }: World): Map<string, string> {
  const contributions = join(cwd, 'state', 'contributions')
  const models = existsSync(contributions) ? readdirSync(contributions) : []
  return new Map(
    models.flatMap((model) => {
      const { contributions: kept } = (JSON.parse(readFileSync(join(contributions, model, 'ledger.json'), 'utf8')) as { content: Ledger }).content
      return kept.flatMap(({ hours, rows }) => hours.map((hour): [string, string] => [`${model} ${hour}`, rows]))
    }),
  )
}

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`incremental is full, byte for byte, whatever happens in between (history ${seed})`, async (t) => {
    const world = worldOf(t, seed)
    await add(world, take(world.ahead, 2000))
    await periodic(world, 'incremental')
    const happened: string[] = []
    const longest = new Map<string, number>()
    // Each happens once at least, in an order of the seed's.
    const names = Object.keys(EVENTS).sort(() => world.chance() - 0.5)
    const order = [...names, 'a batch', ...names.slice(0, 3)]
    for (const name of order) {
      await EVENTS[name]?.(world)
      happened.push(name)
      const incremental = await periodic(world, 'incremental')
      assert.deepEqual(incremental, await periodic(world, 'full'), `after ${happened.join(', ')}`)
      for (const [metric, text] of incremental) longest.set(metric, Math.max(longest.get(metric) ?? 0, text.split('\n').length - 2))
    }
    // A result with nothing in it would prove nothing.
    for (const [metric, rows] of longest) assert.ok(rows > 0, `${metric} has rows`)
  })
}

test('a run computes the hours of new files, and no others; compaction of a run changes no contribution', async (t) => {
  const world = worldOf(t, 7)
  const rows = take(world.ahead, 4000)
  for (const half of [0, 1]) await add(world, rows.filter((_, n) => n % 2 === half))
  await periodic(world, 'incremental')
  const first = keptRows(world)
  await periodic(world, 'incremental')
  assert.deepEqual(keptRows(world), first, 'without anything new, nothing is computed')

  const merged: number[] = []
  await periodic(world, 'incremental', async () => {
    const upkeep = await keep(world, undefined)
    merged.push(upkeep.merged.length)
    return upkeep
  })
  assert.ok((merged[0] as number) > 1, 'hours were merged')
  await periodic(world, 'incremental')
  assert.deepEqual(keptRows(world), first, 'merged files hold the same events')

  const late = take(world.behind, 1)
  const hour = Math.floor((late[0]?.event_time as number) / 1000 / HOUR_MS)
  await add(world, late)
  await periodic(world, 'incremental')
  const then = keptRows(world)
  const changed = [...then].filter(([key, rows]) => first.get(key) !== rows).map(([key]) => key)
  assert.ok(changed.some((key) => key.endsWith(` ${hour}`)))
  // Hours that came at once may be kept together: of each model no more than what the late event belongs to is another one.
  const before = new Set(changed.map((key) => `${key.split(' ')[0]} ${first.get(key)}`))
  assert.equal(before.size, new Set(changed.map((key) => key.split(' ')[0])).size)
  assert.deepEqual(await periodic(world, 'incremental'), await periodic(world, 'full'))
})

test('what is kept of little dates that are past is one file, which late events and retention touch', async (t) => {
  const world = worldOf(t, 8)
  const DAY_US = 24 * HOUR_MS * 1000
  const today = seededRows(world.chance, 1500).filter(({ event_time }) => event_time > Date.parse('2026-07-04T00:00:00Z') * 1000)
  // Four hours around midnight, on each of four days.
  const rows = [0, 1, 2, 3].flatMap((day) => today.map((row) => ({ ...row, event_time: row.event_time + day * DAY_US + 10.5 * HOUR_MS * 1000 })))
  const hourOf = ({ event_time }: EventRow): number => Math.floor(event_time / 1000 / HOUR_MS)
  const hours = [...new Set(rows.map(hourOf))].sort((a, b) => a - b)
  assert.deepEqual(hours.map((hour) => hour % 24), [21, 22, 23, 0, 21, 22, 23, 0, 21, 22, 23, 0, 21, 22, 23, 0])
  const late: EventRow[] = []
  for (const hour of hours) {
    await add(world, rows.filter((row) => hourOf(row) === hour && (world.chance() > 0.05 || !late.push(row))))
    await periodic(world, 'incremental')
  }
  const [first = 0] = hours
  /** Files of rows of a model that speak of the day that is so many after the first. */
  const files = (model: string, day: number): string[] => {
    const ofDay = [...keptRows(world)].filter(([key]) => key.startsWith(`${model} `) && Math.floor(Number(key.split(' ')[1]) / 24) === Math.floor(first / 24) + day)
    return [...new Set(ofDay.map(([, file]) => file))]
  }
  const counts = (model: string): number[] => [0, 1, 2, 3, 4].map((day) => files(model, day).length)
  for (const model of ['likes-per-minutes', 'fast-likers']) {
    assert.deepEqual(counts(model), [1, 1, 1, 4, 1])
    assert.equal(new Set([0, 1, 2].flatMap((day) => files(model, day))).size, 1, model)
  }
  assert.deepEqual(await periodic(world, 'incremental'), await periodic(world, 'full'))

  const days = (): string[][] => [0, 3, 4].map((day) => files('likes-per-minutes', day))
  const before = days()
  await add(world, late.filter((row) => Math.floor(hourOf(row) / 24) === Math.floor(first / 24) + 1))
  assert.deepEqual(await periodic(world, 'incremental'), await periodic(world, 'full'))
  assert.deepEqual(days().map((of, n) => of[0] === before[n]?.[0]), [false, true, true], 'late events touch what their date is kept with')

  world.there = world.there.filter((row) => Math.floor(hourOf(row) / 24) > Math.floor(first / 24))
  const dropped: string[] = []
  await periodic(world, 'incremental', async () => {
    const upkeep = await keep(world, 3)
    dropped.push(...upkeep.dropped)
    return upkeep
  })
  assert.equal(dropped.length, 1)
  assert.deepEqual(await periodic(world, 'incremental'), await periodic(world, 'full'))
})

test('what DuckDB made of a model is remembered as long as it is the same DuckDB', async (t) => {
  const world = worldOf(t, 4)
  await add(world, take(world.ahead, 1000))
  await periodic(world, 'incremental')
  const path = join(world.cwd, 'state', 'contributions', 'likes-per-minutes', 'ledger.json')
  const read = (): Ledger => (JSON.parse(readFileSync(path, 'utf8')) as { content: Ledger }).content
  const put = (ledger: object): void => writeFileSync(path, formatCache(2, ledger))
  const { query, ...rest } = read()
  assert.equal(query?.engine, DUCKDB_VERSION)
  await add(world, take(world.ahead, 1000))
  put({ ...rest, query: { ...query, body: 'no SQL' } })
  await assert.rejects(periodic(world, 'incremental'), /likes-per-minutes[^]*Parser Error/)
  put({ ...rest, query: { ...query, engine: '1.0.0', body: 'no SQL' } })
  assert.deepEqual(await periodic(world, 'incremental'), await periodic(world, 'full'))
  assert.deepEqual(read().query, query)
})

test('periodic, killed at random instants while the stream goes on: the next run is full, byte for byte', async (t) => {
  const cwd = workplace(t)
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  const chance = random(5)
  const results = (directory: string): string[] => readdirSync(join(cwd, directory)).map((file) => readFileSync(join(cwd, directory, file), 'utf8'))
  let killed = 0
  for (let n = 0; n < 6; n++) {
    const from = new Date(Date.parse('2026-07-04T13:40:00Z') + n * 300_000).toISOString()
    const simulated = await run('bluesky', ['--simulate', '--events', '3000', '--rate', '10', '--seed', String(n), '--start', from], { cwd })
    await run('handle-stream', [], { cwd, input: simulated.stdout })
    const periodic = start('periodic', ['--grace', '0s'], { cwd })
    await Promise.race([periodic.ended, until('it has begun', () => existsSync(join(cwd, '.sluice', 'staging', 'periodic')))])
    await new Promise((resolve) => setTimeout(resolve, chance() * 700))
    if (periodic.child.exitCode === null && periodic.child.kill('SIGKILL')) killed++
    await periodic.ended
  }
  assert.ok(killed >= 2, `${killed} runs were killed`)
  assert.equal((await run('periodic', [], { cwd })).code, 0)
  const incremental = results('metrics')
  assert.equal((await run('periodic', ['--full', '--metrics', 'full'], { cwd })).code, 0)
  assert.deepEqual(incremental, results('full'))
})
