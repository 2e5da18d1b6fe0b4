import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { ROOT } from './process.ts'

/** In the order of the flow: a file imports from its own layer and from those above it in this list, never from one below. */
const LAYERS = ['.', 'lake', 'source', 'ingest', 'query', 'sink', 'check', 'docs', 'commands', 'bin']

/** Faster than JavaScript where somebody has installed them; ws works without. */
const OPTIONAL_OF_WS = ['bufferutil', 'utf-8-validate']

const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => /(?<!\.d)\.ts$/.test(file))

/** Specifiers of the imports of a source file; `types` are those of `import type`. */
function importsOf(file: string): { values: string[]; types: string[] } {
  const text = readFileSync(join(ROOT, 'src', file), 'utf8')
  const all = [...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'"]*?from\s+)?'([^']+)'/gm), ...text.matchAll(/()\bimport\('([^']+)'\)/g)]
  return {
    values: all.filter(([, type]) => !type).map(([, , from]) => from as string),
    types: all.filter(([, type]) => type).map(([, , from]) => from as string),
  }
}

const local = (file: string, specifiers: string[]): string[] =>
  specifiers.filter((from) => from.startsWith('.')).map((from) => normalize(join(dirname(file), from)))

test('imports go one way through the layers', () => {
  const layer = (file: string): number => {
    const rank = LAYERS.indexOf(dirname(file))
    assert.ok(rank >= 0, `src/${file} is in no layer`)
    return rank
  }
  for (const file of files) {
    const { values, types } = importsOf(file)
    for (const target of local(file, [...values, ...types])) {
      assert.ok(layer(target) <= layer(file), `src/${file} imports src/${target}, which is further down the flow`)
    }
  }
})

test('no two files import each other, by whatever way', () => {
  const done = new Set<string>()
  const visit = (file: string, way: string[]): void => {
    assert.ok(!way.includes(file), `a cycle: ${[...way, file].join(' -> ')}`)
    if (done.has(file)) return
    for (const target of local(file, importsOf(file).values)) visit(target, [...way, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
})

test('each third-party package has one importer', () => {
  const importers = new Map<string, string[]>()
  for (const file of files) {
    for (const from of new Set([...importsOf(file).values, ...importsOf(file).types])) {
      if (from.startsWith('.') || from.startsWith('node:')) continue
      const name = from.split('/').slice(0, from.startsWith('@') ? 2 : 1).join('/')
      importers.set(name, [...(importers.get(name) ?? []), file])
    }
  }
  assert.deepEqual([...importers].filter(([, by]) => by.length !== 1), [])
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
  const all = { ...dependencies, ...devDependencies }
  assert.deepEqual([...importers.keys()].filter((name) => !(name in all)), [], 'what is imported is in package.json')
  assert.deepEqual(Object.values(all).filter((version) => !/^\d+\.\d+\.\d+(-r\.\d+)?$/.test(version)), [], 'exact versions')
  assert.equal(all['@duckdb/node-bindings'], all['@duckdb/node-api'], 'the binary is that of the API which is packed')
})

test('an installed package depends on what is not packed into the executables, and on nothing else', () => {
  const packed = join(ROOT, 'dist', 'packed', 'bin')
  const text = readdirSync(packed).map((file) => readFileSync(join(packed, file), 'utf8')).join('\n')
  const names = [...text.matchAll(/(?:^import .*? from |\bimport\(|\brequire\(|\bcreateRequire\(import\.meta\.url\)\(|\b__require\()["']([^"'\n]+)["']/gm)]
    .map(([, name]) => name as string)
    .filter((name) => !isBuiltin(name) && !OPTIONAL_OF_WS.includes(name))
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  assert.deepEqual([...new Set(names)].sort(), Object.keys(dependencies))
})

test('only the entry files touch argv, env, stdio, signals and exit codes', () => {
  for (const file of files.filter((name) => !name.startsWith('bin/'))) {
    const text = readFileSync(join(ROOT, 'src', file), 'utf8')
    const touched = /\bprocess\.(argv|env|stdin|stdout|stderr|exit\w*|on\w*|kill|cwd|chdir)\b|\bconsole\./.exec(text)
    assert.equal(touched, null, `src/${file} touches ${touched?.[0]}`)
  }
})

test('one file writes to stdout and stderr: it escapes what strangers said, and knows readers that go away', () => {
  for (const file of files.filter((name) => name !== 'bin/stdio.ts')) {
    assert.doesNotMatch(readFileSync(join(ROOT, 'src', file), 'utf8'), /\bstd(out|err)\.write\(/, `src/${file}`)
  }
})

test('files are of a length one reads in one go', () => {
  for (const file of files) {
    const lines = readFileSync(join(ROOT, 'src', file), 'utf8').split('\n').length
    assert.ok(lines <= 300, `src/${file} has ${lines} lines`)
  }
})
