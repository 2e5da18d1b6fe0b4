import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { formatCache } from '../../src/query/cache.ts'
import { run } from '../process.ts'
import { addToLake, periodic, workplace, write } from './workplace.ts'

const LIKES = (count: number, hour: number): string =>
  `SELECT TIMESTAMPTZ '2026-07-04 ${hour}:00:00+00' + to_seconds(i) AS event_time, 'did:plc:' || (i % 4) AS did FROM range(${count}) AS r(i)`

const QUERIES = {
  'queries/metrics/users.sql': '/* accumulates: {sum: [n]} */ SELECT did, count(*) AS n FROM events GROUP BY 1 ORDER BY 1',
  'queries/staging/all.sql': '/* accumulates: {rows: true} */ SELECT did, event_time FROM events',
  'queries/metrics/total.sql': 'SELECT count(*) AS n FROM "all"',
}

const CONTENTS = 'contents.json'
const LEDGER = 'contributions/users/ledger.json'
const ROWS = 'contributions/users'
const VIEW_ROWS = 'contributions/all'

const NO_MODEL = 'a file instead of a model'

/** The file of all that is kept of a model. */
function rowsIn(directory: string): string {
  const kept = readdirSync(directory).filter((file) => file.endsWith('.parquet'))
  assert.equal(kept.length, 1)
  return join(directory, kept[0] as string)
}

type Damage = [what: string, file: string, damage: (path: string) => void, said?: RegExp]

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] as number) ^ 1
  writeFileSync(path, bytes)
}

const cut = (path: string): void => writeFileSync(path, readFileSync(path).subarray(0, -5))
const put = (content: string | Buffer) => (path: string): void => writeFileSync(path, content)
const directory = (path: string): void => {
  rmSync(path)
  mkdirSync(join(path, 'sub'), { recursive: true })
}
/** What another version of the program, or another hand, would have put there: sealed, valid, and wrong. */
const other = (path: string): void => writeFileSync(path, formatCache(1, [null]))

const OF_JSON = (file: string): Damage[] => [
  ['torn', file, cut],
  ['null', file, put('null\n')],
  ['empty', file, put('')],
  ['an array', file, put('[1, 2]')],
  ['its own content without the checksum', file, (path) => writeFileSync(path, JSON.stringify((JSON.parse(readFileSync(path, 'utf8')) as { content: unknown }).content))],
  ['of another format', file, other, /expected format 2, got 1/],
  ['zeros', file, (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length))],
  ['another number', file, (path) => writeFileSync(path, readFileSync(path, 'utf8').replace(/\d(?=[^\d]*$)/, (digit) => String((Number(digit) + 1) % 10)))],
  ['a directory', file, directory, /EISDIR/],
]

const OF_ROWS = (file: string): Damage[] => [
  ['torn', file, cut, /expected \d+ bytes, got \d+/],
  ['missing', file, (path) => rmSync(path), /it is missing/],
  ['zeros', file, (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length))],
  ['one bit other', file, (path) => flip(path, 40)],
  ['those of another model', file, (path) => cpSync(rowsIn(join(path, '../..', file === ROWS ? 'all' : 'users')), path)],
  ['a directory', file, directory],
]

/** Each in one run with the others of its place in the lists. */
const ROUNDS: Damage[][] = [
  ...OF_JSON(CONTENTS).map((damage, n) => [damage, OF_JSON(LEDGER)[n] as Damage, ...OF_ROWS(VIEW_ROWS).slice(n, n + 1)]),
  ...OF_ROWS(ROWS).map((damage) => [damage]),
  [[NO_MODEL, ROWS, (path) => (rmSync(path, { recursive: true }), writeFileSync(path, 'x'))]],
]

test('whatever becomes of what is kept, the next run makes it anew, says so, and publishes the same; fsck knows of it', async (t) => {
  const cwd = workplace(t)
  write(cwd, QUERIES)
  for (const hour of [8, 9, 10]) await addToLake(cwd, LIKES(30 + hour, hour))
  const results = (from = cwd): string[] => readdirSync(join(from, 'metrics')).sort().map((file) => readFileSync(join(from, 'metrics', file), 'utf8'))
  assert.equal((await periodic(cwd)).code, 0)
  const right = results()
  assert.deepEqual(right, ['n\n117\n', 'did,n\ndid:plc:0,30\ndid:plc:1,30\ndid:plc:2,29\ndid:plc:3,28\n'])
  const state = join(cwd, '.sluice')
  for (const [round, damages] of ROUNDS.entries()) {
    const files = damages.map(([what, named, damage]) => {
      const file = what !== NO_MODEL && [ROWS, VIEW_ROWS].includes(named) ? relative(state, rowsIn(join(state, named))) : named
      damage(join(state, file))
      return file
    })
    const of = damages.map(([what, file]) => `${file}: ${what}`).join('; ')
    // One kind of file each.
    if (round === 0 || damages.length === 1) {
      const { stdout } = await run('sluice', ['fsck', '--quick'], { cwd })
      for (const file of files) if (!damages.some(([what]) => /bit|zeros|another/.test(what))) {
        assert.match(stdout, new RegExp(`^warning +\\.sluice/${file.replace('.', '\\.')}.*: not what was kept there: .+; the next periodic makes it anew`, 'm'), of)
      }
    }
    rmSync(join(cwd, 'metrics'), { recursive: true })
    const { code, stdout, stderr } = await periodic(cwd)
    assert.deepEqual([code, results()], [0, right], `${of}\n${stderr}`)
    assert.match(stderr, new RegExp(`^(periodic: \\.sluice/[^\n]+ is not what was kept there: [^\n]+; made anew from the lake\n){${damages.length}}$`), of)
    for (const [, , , said = /./] of damages) assert.match(stderr, said, of)
    assert.match(stdout, /^lake: 3 files, 117 events, newest 2026-07-04 10:00:39 /)
  }
  const after = await periodic(cwd)
  assert.deepEqual([after.code, after.stderr, results()], [0, '', right])

  flip(rowsIn(join(state, ROWS)), 40)
  assert.doesNotMatch((await run('sluice', ['fsck', '--quick'], { cwd })).stdout, /contributions/)
  assert.match((await run('sluice', ['fsck'], { cwd })).stdout, /^warning .*contributions\/users\/\d+\.parquet: not what was kept there: its content does not have its checksum/m)
  rmSync(join(state, 'contributions'), { recursive: true })
  writeFileSync(join(state, 'contributions'), 'x')
  rmSync(join(state, CONTENTS))
  const last = await periodic(cwd)
  assert.deepEqual([last.code, last.stderr, results()], [0, '', right])
})

test('a record of a run that is none, whatever it holds, is passed over by status, runs and fsck', async (t) => {
  const cwd = workplace(t)
  write(cwd, QUERIES)
  await addToLake(cwd, LIKES(3, 9))
  await periodic(cwd)
  const runs = join(cwd, '.sluice/runs')
  const [name = ''] = readdirSync(runs)
  const whole = JSON.parse(readFileSync(join(runs, name), 'utf8')) as Record<string, unknown>
  const bad = ['', 'null', '[]', '{"start":', JSON.stringify({ ...whole, lake: {} }), JSON.stringify({ ...whole, models: [null] }), JSON.stringify({ ...whole, ok: undefined, start: 1 })]
  for (const [n, text] of bad.entries()) writeFileSync(join(runs, `20990101T00000000${n}Z-000000.json`), text)
  const said = await Promise.all(['status', 'runs', 'fsck'].map((command) => run('sluice', [command], { cwd })))
  assert.deepEqual(said.map(({ stderr }) => stderr), ['', '', ''])
  assert.equal(said[1]?.stdout.trim().split('\n').length, 2)
  assert.match(said[0]?.stdout ?? '', /^periodic +last run .* 2 ok$/m)
  assert.equal((said[2]?.stdout.match(/no record of a run/g) ?? []).length, bad.length)
})
