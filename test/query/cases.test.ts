import assert from 'node:assert/strict'
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { addToLake, periodic, ROOT, workplace } from './workplace.ts'

/**
 * A case: queries/ and, unless the lake is missing, lake.sql (a SELECT of events); expected/ holds all of metrics/, and
 * stderr.txt and exit.txt where they are not empty and 0.
 */
const CASES = join(ROOT, 'test', 'cases', 'periodic')

for (const name of readdirSync(CASES).sort()) {
  test(`periodic: ${name}`, async (t) => {
    const cwd = workplace(t)
    const given = join(CASES, name)
    const read = (file: string, otherwise: string): string => (existsSync(join(given, file)) ? readFileSync(join(given, file), 'utf8') : otherwise)
    cpSync(join(given, 'queries'), join(cwd, 'queries'), { recursive: true })
    const rows = read('lake.sql', '')
    if (rows !== '') await addToLake(cwd, rows)

    const { code, stderr } = await periodic(cwd)

    assert.equal(stderr, read('expected/stderr.txt', ''))
    const results = (directory: string): Record<string, string> =>
      existsSync(directory)
        ? Object.fromEntries(readdirSync(directory).sort().map((file) => [file, readFileSync(join(directory, file), 'utf8')]))
        : {}
    assert.deepEqual(results(join(cwd, 'metrics')), results(join(given, 'expected', 'metrics')))
    assert.equal(code, Number(read('expected/exit.txt', '0')))
  })
}
