import assert from 'node:assert/strict'
import { test } from 'node:test'
import { join } from 'node:path'
import { openEngine } from '../../src/duckdb.ts'
import { loadModels } from '../../src/query/models.ts'
import { parseModels } from '../../src/query/parse.ts'
import { plan } from '../../src/query/plan.ts'
import { versions } from '../../src/query/version.ts'
import { workplace, write } from './workplace.ts'

const FILES = {
  'macros.sql': 'CREATE MACRO one() AS 1;',
  'seeds/people.csv': 'name\nAda\n',
  'staging/likes.sql': '/*\ndescription: likes\n*/\nselect * from events',
  'staging/named.sql': 'select * from likes, people',
  'metrics/alone.sql': 'select 9007199254740992 as a',
  'metrics/above.sql': '/* accumulates: {sum: [n]} */ select did, count(*) as n from named group by 1',
  'metrics/beside.sql': 'select count(*) as n from likes',
}

/** The models whose version differs when these files are as given (undefined: not there) and all others as above. */
async function changed(directory: string, files: Record<string, string | undefined>): Promise<string[]> {
  const engine = await openEngine({ threads: 1 })
  const of = async (name: string, texts: Record<string, string | undefined>): Promise<Map<string, string>> => {
    write(join(directory, name), Object.fromEntries(Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== undefined)))
    const { models, macros } = await loadModels(join(directory, name))
    const { steps } = plan(await parseModels(await engine.connect(), models), models.map((model) => model.name))
    return versions(steps, macros)
  }
  try {
    const before = await of('before', FILES)
    const after = await of('after', { ...FILES, ...files })
    assert.deepEqual([...before.keys()].sort(), ['above', 'alone', 'beside', 'likes', 'named', 'people'])
    for (const version of [...before.values(), ...after.values()]) assert.match(version, /^[0-9a-f]{64}$/)
    return [...before.keys()].filter((name) => before.get(name) !== after.get(name)).sort()
  } finally {
    engine.close()
  }
}

const CASES: [what: string, files: Record<string, string | undefined>, changes: string[]][] = [
  ['nothing', {}, []],
  ['another description', { 'staging/likes.sql': '/*\ndescription: all likes\n*/\n\nselect * from events\n' }, []],
  ['a model below others', { 'staging/likes.sql': 'select * from events where true' }, ['above', 'beside', 'likes', 'named']],
  ['a seed', { 'seeds/people.csv': 'name\nEve\n' }, ['above', 'named', 'people']],
  ['macros', { 'macros.sql': 'CREATE MACRO one() AS 2;' }, ['above', 'alone', 'beside', 'likes', 'named']],
  ['how it accumulates', { 'metrics/above.sql': '/* accumulates: {max: [n]} */ select did, count(*) as n from named group by 1' }, ['above']],
  ['comments and spaces', { 'metrics/alone.sql': 'SELECT 9007199254740992 /* one */\n  AS a' }, []],
  ['a digit that a double does not have', { 'metrics/alone.sql': 'select 9007199254740993 as a' }, ['alone']],
  ['SQL that is none: it and what needs it have no version', { 'staging/named.sql': 'selec' }, ['above', 'named']],
  ['a model that reads itself', { 'staging/named.sql': 'select * from above' }, ['above', 'named']],
]

for (const [what, files, changes] of CASES) {
  test(`the version of a model and of what needs it changes with its SQL: ${what}`, async (t) => {
    assert.deepEqual(await changed(workplace(t), files), changes)
  })
}
