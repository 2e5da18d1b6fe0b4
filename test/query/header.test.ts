import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerText, parseHeader, parseSources, parseTestHeader } from '../../src/query/header.ts'

const WRONG: [yaml: string, line: number, message: RegExp][] = [
  ['description: a\ncolums: {}', 2, /^expected one of description, .*, accumulates, got `colums`; did you mean `columns`\?$/],
  ['columns:\n  a: {typ: x}', 2, /^expected in columns\.a one of type, description, tests, got `typ`; did you mean `type`\?$/],
  ['columns:\n  a:\n    type: x\n    tests:\n      - uniqe', 5, /^expected in columns\.a\.tests\.0 one of unique, .*, got `uniqe`; did you mean `unique`\?$/],
  ['columns:\n  a:\n    tests:\n      - range: {mni: 3}', 4, /^expected in columns\.a\.tests\.0\.range one of min, max, got `mni`$/],
  ['columns:\n  a:\n    tests:\n      - relationships: {to: b}', 4, /^columns\.a\.tests\.0\.relationships\.column: expected "column", got nothing$/],
  ['columns:\n  a:\n    tests:\n      - {unique: true, not_null: true}', 4, /expected one of unique, not_null, /],
  ['tests:\n  - unique: a', 2, /^tests\.0\.unique: expected Array, got "a"$/],
  ['sinks: [redsi]', 1, /^sinks\.0: expected .*"csv".*, got "redsi"$/],
  ['accumulates: {}', 1, /expected one of rows: true, distinct: true, and columns to sum, min or max$/],
  ['accumulates: {rows: true, sum: [a]}', 1, /expected one of rows: true, distinct/],
  ['accumulates: {rows: true, distinct: true}', 1, /expected one of rows: true, distinct/],
  ['accumulates: {sum: [a], window: 3s}', 1, /expected window beside min or max alone/],
  ['accumulates: {max: [a], window: 3x}', 1, /^accumulates\.window: expected a duration such as /],
  ['description: 3', 1, /^description: expected string, got 3$/],
  ['a: b: c', 1, /^expected a header in YAML, got: /],
]

for (const [yaml, line, message] of WRONG) {
  test(`a header that is wrong says where and what: ${JSON.stringify(yaml)}`, async () => {
    const result = await parseHeader('x.sql', yaml)
    assert.ok('problem' in result)
    assert.equal(result.problem.line, line)
    assert.match(result.problem.message, message)
  })
}

test('a header says what it says, tests as words or with their severity', async () => {
  const sql = '\n\n/*\ndescription: a\ncolumns:\n  a: {tests: [unique, {range: {min: 1}, severity: warn}]}\naccumulates: {max: [a], window: 60s}\n*/\nselect 1'
  const yaml = headerText(sql)
  const result = await parseHeader('x.sql', yaml)
  assert.ok('header' in result)
  const { description, columns, accumulates } = result.header
  assert.deepEqual([description, columns['a']?.tests], ['a', [{ unique: true, severity: 'error' }, { range: { min: 1 }, severity: 'warn' }]])
  assert.deepEqual(accumulates, { max: ['a'], window: 60_000 })
})

test('lines are those of the file', async () => {
  const result = await parseHeader('x.sql', headerText('-- a\n\n/*\ndescription: a\nnonsense: 1\n*/ select 1') ?? '')
  assert.ok('header' in result, 'a block that does not lead is a comment')
  const led = await parseHeader('x.sql', headerText('\n\n/*\ndescription: a\nnonsense: 1\n*/ select 1'))
  assert.ok('problem' in led)
  assert.equal(led.problem.line, 5)
})

test('a comment that is no mapping is a comment', async () => {
  for (const yaml of ['Copyright', '- a', '', undefined]) assert.ok('header' in (await parseHeader('x.sql', yaml)))
})

const WRONG_SOURCES: [yaml: string, line: number, message: RegExp][] = [
  ['event: {}', 1, /^expected one of events, got `event`; did you mean `events`\?$/],
  ['events:\n  description: a\n  freshnes: {warn: 1m}', 3, /^expected in events one of description, freshness, got `freshnes`; did you mean `freshness`\?$/],
  ['events:\n  freshness:\n    warn: 1m\n    eror: 2m', 4, /^expected in events\.freshness one of warn, error, collections, got `eror`; did you mean `error`\?$/],
  ['events:\n  freshness:\n    collections:\n      a.b: {warm: 1m}', 4, /^expected in events\.freshness\.collections\.a\.b one of warn, error, got `warm`; did you mean `warn`\?$/],
  ['events:\n  freshness:\n    collections:\n      a.b: {}', 4, /a\.b: expected warn, error or both, warn not above error$/],
  ['events:\n  freshness:\n    collections:\n      a.b: {warn: 2m, error: 1m}', 4, /warn not above error$/],
  ['events:\n  freshness: {}', 2, /expected warn, error, collections or several of them/],
  ['events:\n  freshness: {warn: 2h, error: 1h}', 2, /warn not above error$/],
  ['events:\n  freshness:\n    warn: soon', 3, /^events\.freshness\.warn: expected a duration such as /],
]

for (const [yaml, line, message] of WRONG_SOURCES) {
  test(`sources that are wrong say where and what: ${JSON.stringify(yaml)}`, async () => {
    const result = await parseSources('sources.yaml', yaml)
    assert.ok('problem' in result)
    assert.equal(result.problem.line, line)
    assert.match(result.problem.message, message)
  })
}

test('limits of freshness are in ms', async () => {
  const result = await parseSources('sources.yaml', 'events: {freshness: {warn: 5m, collections: {a.b: {error: 90s}}}}')
  assert.deepEqual(result, { sources: { events: { freshness: { warn: 300_000, collections: { 'a.b': { error: 90_000 } } } } } })
  assert.deepEqual(await parseSources('sources.yaml', '# nothing yet\n'), { sources: {} })
})

test('a test says how bad it is, a model does not; a test has no columns', async () => {
  const warned = await parseTestHeader('x.sql', 'description: a\nseverity: warn')
  assert.ok('severity' in warned)
  assert.deepEqual([warned.severity, warned.header.description], ['warn', 'a'])
  const bare = await parseTestHeader('x.sql', undefined)
  assert.ok('severity' in bare && bare.severity === 'error')
  const columns = await parseTestHeader('x.sql', 'columns: {}')
  assert.ok('problem' in columns)
  assert.equal(columns.problem.message, 'expected one of description, tags, severity, got `columns`')
  const model = await parseHeader('x.sql', 'severity: warn')
  assert.ok('problem' in model)
})
