import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../process.ts'

const NOTICES = join(ROOT, 'NOTICES')

const HEAD = `Sluice is under the MIT licence, see LICENSE. Its executables are packed: each has in one file all that it
imports. The packages named here are in those files, each under its own licence.

Installed beside them, with their own licences, are @duckdb/node-bindings (MIT), koffi (MIT) and parquetjs-lite
(MIT), with what these need.

queries/seeds/stopwords.csv is made from stopwords-iso 1.1.0 (MIT, Gene Diaz); queries/seeds/README.md says how.
`

/** The packages whose code is in the packed executables: the packer says before each module where it comes from. */
function packed(): string[] {
  const directory = join(ROOT, 'dist', 'packed', 'bin')
  const texts = readdirSync(directory).map((file) => readFileSync(join(directory, file), 'utf8'))
  return [...new Set(texts.flatMap((text) => [...text.matchAll(/^\/\/#? ?(?:region )?node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm)].map(([, name]) => name as string)))].sort()
}

/** Of a package: its name, and the text of its licence with the copyright. */
function notice(name: string): string {
  const directory = join(ROOT, 'node_modules', name)
  const { license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { license: string }
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry) && existsSync(join(directory, entry)))
  assert.ok(file, `${name} has a licence (${license})`)
  return `${name} (${license})\n\n${readFileSync(join(directory, file), 'utf8').replace(/\r/g, '').trim()}\n`
}

test('NOTICES has the licence of each package that is in the packed executables; UPDATE_DOCS=1 writes it anew', () => {
  const names = packed()
  assert.ok(names.includes('yargs') && names.includes('@duckdb/node-api'), names.join())
  const text = [HEAD, ...names.map(notice)].join(`\n${'-'.repeat(80)}\n\n`)
  if (process.env['UPDATE_DOCS']) writeFileSync(NOTICES, text)
  assert.equal(readFileSync(NOTICES, 'utf8'), text, 'UPDATE_DOCS=1 writes it anew')
})
