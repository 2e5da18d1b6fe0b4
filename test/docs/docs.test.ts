import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { after, before, test } from 'node:test'
import { eventLines } from '../lines.ts'
import { ROOT, run, workplace } from '../process.ts'
import { addToLake, write } from '../query/workplace.ts'
import type { Browser, Page } from './browser.ts'
import { openBrowser } from './browser.ts'

let browser: Browser

before(async () => void (browser = await openBrowser()))
after(() => browser?.close())

async function docs(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('sluice', ['docs', ...args], { cwd })
  assert.deepEqual([code, stderr], [0, ''])
  return join(cwd, stdout.trimEnd())
}

/** Opens a page, and fails unless it asked for nothing but itself and nothing in it went wrong. */
async function open(file: string): Promise<Page> {
  const page = await browser.open(file)
  assert.deepEqual(page.errors, [])
  assert.deepEqual(page.requests, [pathToFileURL(file).href])
  return page
}

const texts = (selector: string): string => `[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => element.textContent.trim())`

async function edgesOf(page: Page): Promise<string[]> {
  return (await page.ask<string[]>("[...document.querySelectorAll('.edges path')].map(({ dataset }) => dataset.from + ' > ' + dataset.to)")).sort()
}

/** Everything that would run if text were taken for markup. */
const HOSTILE = `"'><script>window.hacked = 'script'</script><img src=x onerror="window.hacked = 'image'"><svg onload="window.hacked = 'svg'">&lt;b&gt;</style></title>`
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

const FILES = {
  'queries/macros.sql': 'CREATE OR REPLACE MACRO twice(x) AS 2 * x;',
  'queries/seeds/people.csv': `did,name\ndid:plc:1,"${HOSTILE.replaceAll('"', '""')}"\ndid:plc:2,Eve\n`,
  'queries/seeds/people.yaml': 'description: Who is who\ncolumns:\n  name: {description: Their name, tests: [not_null]}\n',
  'queries/staging/likes.sql': `/*\ndescription: ${JSON.stringify(`Likes ${HOSTILE}`)}\ngrain: one row per like\ntags: [silver, ${JSON.stringify(HOSTILE)}]\n*/\nselect * from events -- </pre>${HOSTILE}`,
  'queries/staging/Named.sql': "select likes.did, people.name, 'é🎈' as é from LIKES join people using (did)",
  // Names of models that mean something else there, or nothing.
  'queries/staging/alone.sql': "with likes as (select 1 as a) select a, 'from people' as b from likes /* join named */",
  'queries/metrics/by-name.sql': '/*\ndescription: Likes by name\ncolumns:\n  name: {description: Whose, tests: [unique, {accepted_values: [Eve], severity: warn}]}\n  likes: {tests: [{range: {min: 1}}]}\ntests:\n  - unique: [name, likes]\naccumulates: {sum: [likes]}\n*/\nselect name, count(*) as likes from named group by 1 order by 1',
  'queries/metrics/per-second.sql': 'select event_time as time, twice(count(*)) as n from events group by 1 order by 1',
  'queries/metrics/many.sql': `select ${quoted(HOSTILE)} || i as "${HOSTILE.replaceAll('"', '""')}", i as n from range(40) as r(i) order by n`,
  'queries/metrics/bad.sql': `select ${quoted(HOSTILE)}, nosuch from likes, "by-name"`,
  'queries/metrics/on-bad.sql': 'select * from bad',
  'queries/tests/no-names.sql': `/*\ndescription: ${JSON.stringify(`No ${HOSTILE}`)}\n*/\nselect * from "by-name" where name = 'nobody'`,
  'queries/tests/by-name/nobody/likes.csv': 'did\n',
  'queries/tests/by-name/nobody/expected.csv': 'name,likes\n',
  'queries/sources.yaml': `events:\n  description: ${JSON.stringify(HOSTILE)}\n  freshness: {warn: 1h}\n`,
}

/** As read by people in the files above. */
const EDGES = [
  'model-Named > model-by-name', 'model-bad > model-on-bad', 'model-by-name > model-bad', 'model-likes > model-Named', 'model-likes > model-bad',
  'model-people > model-Named', 'source-events > model-likes', 'source-events > model-per-second',
]
const MODELS = ['Named', 'alone', 'bad', 'by-name', 'likes', 'many', 'on-bad', 'people', 'per-second']
const METRICS = ['bad', 'by-name', 'many', 'on-bad', 'per-second']

/** A place where the files above have run twice, and its page. */
let place: string
let written: string

before(async () => {
  place = mkdtempSync(join(tmpdir(), 'sluice-docs-'))
  write(place, FILES)
  const events = "SELECT TIMESTAMPTZ '2026-07-04 10:00:00+00' + to_seconds(i) AS event_time, 'commit' AS kind, 'did:plc:' || (i % 3) AS did FROM range(9) AS r(i)"
  await addToLake(place, events)
  for (let times = 0; times < 2; times++) assert.equal((await run('periodic', [], { cwd: place })).code, 1)
  written = await docs(place)
})

after(() => rmSync(place, { recursive: true, force: true }))

test('the page shows what is there, and what strangers wrote stands in it as text', async () => {
  const page = await open(written)
  assert.equal(await page.ask('typeof window.hacked'), 'undefined')
  assert.deepEqual(await page.ask("['script', 'img', 'iframe', 'object', 'link'].map((name) => document.querySelectorAll(name).length)"), [1, 0, 0, 0, 0])
  assert.equal(await page.ask("document.querySelectorAll('[onload], [onerror], [style]').length"), 0)

  // The picture: nodes and edges, where they are and what they join.
  const nodes = await page.ask<string[]>("[...document.querySelectorAll('svg.lineage a.node')].map((node) => node.querySelector('text').textContent)")
  assert.deepEqual(nodes.sort(), [...MODELS, 'events'].sort())
  const sinks = METRICS.map((name) => `model-${name} > sink-csv-${name}`)
  assert.deepEqual(await edgesOf(page), [...EDGES, ...sinks].sort())
  const drawn = await page.ask<{ from: number[]; to: number[]; start: number[]; end: number[] }[]>(`(() => {
    const box = (id) => { const { x, y, width, height } = document.querySelector('[data-node="' + id + '"] rect').getBBox(); return { left: x, right: x + width, middle: y + height / 2 } }
    return [...document.querySelectorAll('.edges path')].map((path) => {
      const [from, to] = [box(path.dataset.from), box(path.dataset.to)]
      const [start, end] = [path.getPointAtLength(0), path.getPointAtLength(path.getTotalLength())]
      return { from: [from.right, from.middle], to: [to.left, to.middle], start: [start.x, start.y], end: [end.x, end.y] }
    })
  })()`)
  for (const { from, to, start, end } of drawn) {
    assert.ok((from[0] as number) < (to[0] as number), 'from left to right')
    for (const [a, b] of [[from, start], [to, end]] as const) assert.ok(Math.hypot((a[0] as number) - (b[0] as number), (a[1] as number) - (b[1] as number)) < 1)
  }
  const overlaps = await page.ask(`(() => {
    const boxes = [...document.querySelectorAll('svg.lineage rect')].map((rect) => rect.getBBox())
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)).length
  })()`)
  assert.equal(overlaps, 0)
  const overflowing = await page.ask("[...document.querySelectorAll('svg.lineage .node')].filter((node) => node.querySelector('text').getBBox().width > node.querySelector('rect').getBBox().width).length")
  assert.equal(overflowing, 0)

  // Each model has its section, and each link leads somewhere.
  assert.deepEqual((await page.ask<string[]>("[...document.querySelectorAll('section[data-words]')].map(({ id }) => id)")).sort(), MODELS.map((name) => `model-${name}`).sort())
  assert.deepEqual(await page.ask("[...document.querySelectorAll('a[href]')].filter((a) => !a.getAttribute('href').startsWith('#') || !document.getElementById(decodeURIComponent(a.getAttribute('href').slice(1))))"), [])
  const section = (name: string, selector: string): Promise<string[]> => page.ask(texts(`#model-${name} ${selector}`))
  assert.ok((await section('likes', 'p')).includes(`Likes ${HOSTILE}`))
  assert.deepEqual(await section('likes', 'pre'), [FILES['queries/staging/likes.sql']])
  assert.deepEqual(await section('likes', '.flow a'), ['events', 'Named', 'bad'])
  assert.deepEqual(await section('Named', 'pre a'), ['LIKES', 'people'])
  assert.deepEqual(await section('alone', 'pre a'), [])
  assert.deepEqual(await section('bad', 'pre a'), ['likes', '"by-name"'])
  assert.deepEqual(await section('Named', 'tbody th'), ['did', 'name', 'é'])
  assert.deepEqual(await section('by-name', 'tbody th ~ td'), [
    'varchar', 'Whose', 'unique ✓ holds; one of Eve (a warning) ⚠ not for 1 row rows in .sluice/failures/by-name.name.accepted_values.csv', 'bigint', '', '≥ 1 ✓ holds',
  ])
  assert.deepEqual(await section('by-name', 'h3 + ul:not(.inline) > li'), ['unique: name, likes ✓ holds', `No ${HOSTILE}`, 'Cases: nobody'])
  assert.deepEqual(await section('people', 'tbody th ~ td'), ['varchar', '', '', 'varchar', 'Their name', 'not null'])
  assert.match((await section('by-name', 'dd')).join('\n'), /^sum of likes over what each hour says$/m)
  assert.deepEqual(await section('by-name', 'td.result'), [HOSTILE, 'Eve'])
  assert.deepEqual(await section('by-name', 'svg.chart .label'), [`${HOSTILE.slice(0, 25)}…`, 'Eve'])
  assert.deepEqual(await section('many', '[aria-label="Rows of many"] th'), [HOSTILE, 'n'])
  assert.equal((await section('many', 'svg.chart rect')).length, 40)
  assert.equal((await section('many', '.scroll td.result')).length, 20)
  assert.match((await section('many', 'caption')).join(), /^the first 20 of 40 rows$/)
  assert.match((await section('per-second', 'svg.chart title')).join(), /^n by time/)
  assert.match((await section('bad', 'h2')).join(), /✗ failed$/)
  assert.match((await section('bad', 'details')).join(), /queries\/metrics\/bad\.sql:1: Binder Error: Referenced column "nosuch"/)
  assert.match((await section('on-bad', 'h2')).join(), /– skipped$/)
  assert.deepEqual((await section('on-bad', 'p')).filter((text) => text.startsWith('The last')), ['The last 2 runs: 2 skipped.'])
  assert.deepEqual(await page.ask(texts('#source-events p')), [HOSTILE])
  assert.match((await page.ask<string[]>(texts('#glance dl'))).join(), /Events\s*9\b[^]*Age of events\s*over 1h00m old \(warning above 1h00m\)/)
})

test('it is whole in light and dark, on a desk and on a phone', async () => {
  const page = await open(written)
  const colours = new Set<string>()
  await page.ask("document.querySelectorAll('details').forEach((details) => { details.open = true })")
  for (const dark of [false, true]) {
    for (const width of [1280, 400]) {
      await page.show({ width, dark })
      const look = `${dark ? 'dark' : 'light'}, ${width}`
      const [inner, scroll] = await page.ask<number[]>('[innerWidth, document.documentElement.scrollWidth]')
      assert.equal(inner, width)
      assert.ok((scroll as number) <= width, `${look}: ${scroll} wide`)
      const out = await page.ask("[...document.querySelectorAll('section')].filter((section) => [...section.querySelectorAll('*')].some((element) => !element.closest('.scroll, pre, svg') && element.getBoundingClientRect().right > section.getBoundingClientRect().right + 1)).map(({ id }) => id)")
      assert.deepEqual(out, [], `${look}: something stands out of its section`)
      assert.deepEqual(await page.ask(FAINT), [], `${look}: text that is hard to read`)
      colours.add(await page.ask('getComputedStyle(document.body).backgroundColor'))
      if (process.env['SLUICE_PICTURES']) await page.picture(join(process.env['SLUICE_PICTURES'], `${dark ? 'dark' : 'light'}-${width}.png`))
    }
  }
  assert.equal(colours.size, 2)
  assert.deepEqual(page.errors, [])
})

/** Texts whose contrast with what is behind them is below 4.5 (WCAG AA). */
const FAINT = `(() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = (element) => { for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c } }
  const found = new Set()
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement
    if (!node.data.trim() || element.closest('script, title, desc, .skip')) continue
    const svg = element.closest('svg')
    const box = element.closest('.node')?.querySelector('rect')
    const [a, b] = [light(parse(svg ? getComputedStyle(element).fill : getComputedStyle(element).color)), light(box ? parse(getComputedStyle(box).fill) : behind(element))]
    if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) found.add(element.tagName + ' ' + element.className + ' ' + node.data.trim().slice(0, 30))
  }
  return [...found]
})()`

test('keyboards and screen readers find their way', async () => {
  const page = await open(written)
  assert.deepEqual(await page.ask("['html[lang]', 'header h1', 'main', 'nav[aria-label]', 'footer', 'a.skip[href=\"#main\"]', 'meta[name=viewport]'].filter((selector) => document.querySelectorAll(selector).length !== 1)"), [])
  const levels = await page.ask<number[]>("[...document.querySelectorAll('main h1, main h2, main h3, header h1')].map(({ tagName }) => Number(tagName[1]))")
  levels.forEach((level, index) => assert.ok(level <= (levels[index - 1] ?? 0) + 1, `a heading of level ${level} after one of ${levels[index - 1]}`))
  assert.deepEqual(await page.ask("(() => { const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id); return ids.filter((id, index) => ids.indexOf(id) !== index) })()"), [])
  assert.deepEqual(await page.ask("[...document.querySelectorAll('[aria-labelledby]')].flatMap((element) => element.getAttribute('aria-labelledby').split(' ')).filter((id) => !document.getElementById(id)?.textContent.trim())"), [])
  assert.deepEqual(await page.ask("[...document.querySelectorAll('svg')].filter((svg) => svg.getAttribute('aria-hidden') !== 'true' && !(svg.querySelector(':scope > title') && svg.querySelector(':scope > desc'))).length"), 0)
  assert.deepEqual(await page.ask("[...document.querySelectorAll('input')].filter((input) => input.labels.length !== 1).length"), 0)
  // A box that is focused shows what its model comes from and what comes of it.
  await page.ask("document.querySelector('[data-node=model-Named]').focus()")
  assert.deepEqual((await page.ask<string[]>("[...document.querySelectorAll('a.node.on')].map(({ dataset }) => dataset.node)")).sort(), ['model-Named', 'model-bad', 'model-by-name', 'model-likes', 'model-on-bad', 'model-people', 'source-events'])
  await page.ask("document.querySelector('[data-node=model-Named]').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, view: window }))")
  assert.equal(await page.ask('location.hash'), '#model-Named')
  assert.equal(await page.ask("document.querySelector(':target h2').textContent.trim().split(' ')[0]"), 'Named')
})

test('the filter narrows the lists, and a link to what it hides takes it away', async () => {
  const page = await open(written)
  const filter = (text: string): Promise<unknown> => page.ask(`(() => { const box = document.querySelector('#filter'); box.value = ${JSON.stringify(text)}; box.dispatchEvent(new Event('input', { bubbles: true })) })()`)
  const visible = (): Promise<string[]> => page.ask("[...document.querySelectorAll('section[data-words], nav li[data-words]')].filter((element) => element.checkVisibility()).map((element) => element.id || element.textContent.trim())")
  const all = await visible()
  assert.equal(all.length, 2 * MODELS.length)
  await filter('SILVER likes')
  assert.deepEqual(await visible(), ['likes', 'model-likes'])
  assert.deepEqual(await page.ask(texts('#found')), ['1 model'])
  await filter('<script>')
  assert.deepEqual((await visible()).sort(), ['likes', 'many', 'model-likes', 'model-many'])
  await page.ask("new Promise((resolve) => { addEventListener('hashchange', () => resolve(), { once: true }); location.hash = '#model-people' })")
  assert.deepEqual(await visible(), all)
  assert.equal(await page.ask('typeof window.hacked'), 'undefined')
  assert.deepEqual(page.errors, [])
})

test("the shipped models are drawn as their SQL says, by a reader of it that knows nothing of DuckDB's parser", async (t) => {
  const cwd = workplace(t)
  cpSync(join(ROOT, 'queries'), join(cwd, 'queries'), { recursive: true })
  assert.equal((await run('handle-stream', [], { cwd, input: eventLines(500).join('\n') })).code, 0)
  assert.equal((await run('periodic', [], { cwd })).code, 0)
  const files = ['seeds', 'staging', 'metrics'].flatMap((layer) => readdirSync(join(cwd, 'queries', layer)).filter((file) => /\.(sql|csv)$/.test(file)).map((file) => join(cwd, 'queries', layer, file)))
  const names = files.map((file) => basename(file).replace(/\.\w+$/, ''))
  const expected = files.flatMap((file, index) => {
    if (file.endsWith('.csv')) return []
    const sql = readFileSync(file, 'utf8').replace(/\/\*[^]*?\*\/|--.*|'[^']*'/g, ' ')
    const local = [...sql.matchAll(/(?:with|,)\s+(\w+)\s+as\s*\(/gi)].map(([, name]) => name)
    const read = [...sql.matchAll(/\b(?:from|join)\s+"?([\w-]+)"?/gi)].map(([, name]) => name as string).filter((name) => !local.includes(name) && (names.includes(name) || name === 'events'))
    return [...new Set(read)].map((name) => `${name === 'events' ? 'source' : 'model'}-${name} > model-${names[index]}`)
  })
  const page = await open(await docs(cwd, '--output', 'pages/models.html'))
  assert.deepEqual((await edgesOf(page)).filter((edge) => !edge.includes('sink-')), expected.sort())
  assert.ok(expected.length > 12, `${expected.length} edges`)
  assert.deepEqual((await page.ask<string[]>("[...document.querySelectorAll('section[data-words]')].map(({ id }) => id)")).sort(), names.map((name) => `model-${name}`).sort())
  // Each result that is published is shown, as another reader reads it.
  for (const file of readdirSync(join(cwd, 'metrics'))) {
    const name = file.replace('.csv', '')
    // No value of these has a comma or a quote in it.
    const rows = readFileSync(join(cwd, 'metrics', file), 'utf8').trimEnd().split('\n')
    const shown = await page.ask<string[]>(`[...document.querySelectorAll('#model-${name} [aria-label="Rows of ${name}"] tr')].map((row) => [...row.children].map((cell) => cell.textContent).join(','))`)
    assert.deepEqual(shown, rows.slice(0, 21))
  }
})

test('there is a page before there is a lake or a run, nothing else is made, and it is replaced whole', async (t) => {
  const cwd = workplace(t)
  write(cwd, { 'queries/metrics/one.sql': 'select 1 as one', 'queries/metrics/two words.sql': 'select 2', 'queries/metrics/cycle.sql': 'select * from cycle' })
  const file = await docs(cwd)
  assert.equal(file, join(cwd, '.sluice/docs.html'))
  assert.deepEqual(readdirSync(cwd).sort(), ['.sluice', 'queries'])
  assert.deepEqual(readdirSync(join(cwd, '.sluice')), ['docs.html'])
  const page = await open(file)
  assert.deepEqual((await page.ask<string[]>(texts('#glance dd'))).filter((text) => /empty|none/.test(text)), ['lake: empty', 'none on record'])
  assert.match((await page.ask<string[]>(texts('.problem'))).join('\n'), /two words\.sql: expected a file name.*\n.*cycle\.sql.* expected models that do not read themselves/)
  assert.match((await run('sluice', ['fsck'], { cwd })).stdout, /: clean/)
  const inode = statSync(file).ino
  await docs(cwd)
  assert.notEqual(statSync(file).ino, inode)

  writeFileSync(join(cwd, 'taken'), '')
  const { code, stdout, stderr } = await run('sluice', ['docs', '--output', 'taken/docs.html'], { cwd })
  assert.deepEqual([code, stdout], [74, ''])
  assert.match(stderr, /^sluice docs: cannot write taken\/docs\.html: .*\n$/)
  assert.equal((await run('sluice', ['docs', '--queries', 'nosuch'], { cwd })).code, 2)
  assert.ok(!existsSync(join(cwd, 'taken/docs.html')))
})
