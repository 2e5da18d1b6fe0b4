import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sluiceTest } from './trials.ts'
import { addToLake, ROOT, workplace } from './workplace.ts'

/** A case: queries/, lake.sql unless the lake is empty, and expected/: tests.txt (test, status, rows; what it needs), stderr.txt, and failures/ where there are any. */
const CASES = join(ROOT, 'test', 'cases', 'tests')

for (const name of readdirSync(CASES).sort()) {
  test(`sluice test: ${name.replaceAll('-', ' ')}`, async (t) => {
    const cwd = workplace(t)
    const given = join(CASES, name)
    const read = (file: string): string => (existsSync(join(given, file)) ? readFileSync(join(given, file), 'utf8') : '')
    cpSync(join(given, 'queries'), join(cwd, 'queries'), { recursive: true })
    const rows = read('lake.sql')
    if (rows !== '') await addToLake(cwd, rows)

    const { tests, stderr, code, summary } = await sluiceTest(cwd)

    const said = tests.map(({ test, status, rows, because }) => `${test} ${status}${rows === null ? '' : ` ${rows}`}${because === undefined ? '' : ` needs ${because}`}\n`).join('')
    assert.equal(said, read('expected/tests.txt'))
    assert.equal(stderr, read('expected/stderr.txt'))
    const failures = (directory: string): Record<string, string> =>
      existsSync(directory) ? Object.fromEntries(readdirSync(directory).sort().map((file) => [file, readFileSync(join(directory, file), 'utf8')])) : {}
    assert.deepEqual(failures(join(cwd, '.sluice/failures')), failures(join(given, 'expected/failures')))
    assert.equal(code, summary.fail + summary.skipped === 0 ? 0 : 1)
  })
}
