import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { quote } from '../src/duckdb.ts'
import { relation } from '../src/query/events.ts'
import { ROOT } from './context.ts'

const QUERIES = join(ROOT, 'queries')

/** Models below the four marts, in the order in which one needs the other. */
const STAGING = ['likes', 'posts', 'posts-by-hour']

export const MARTS = ['likes-per-minutes', 'fast-likers', 'top-10-word', 'posts-by-time-of-day']

export interface Sql {
  /** Statements. */
  macros: string
  staging: { name: string; select: string }[]
  marts: { name: string; select: string }[]
  /** A table expression. */
  stopwords: string
}

export async function readMarts(): Promise<Sql> {
  const read = (folder: string, names: string[]): Promise<{ name: string; select: string }[]> =>
    Promise.all(names.map(async (name) => ({ name, select: withoutHeader(await readFile(join(QUERIES, folder, `${name}.sql`), 'utf8')) })))
  return {
    macros: await readFile(join(QUERIES, 'macros.sql'), 'utf8'),
    staging: await read('staging', STAGING),
    marts: await read('metrics', MARTS),
    stopwords: `read_csv(${quote(join(QUERIES, 'seeds/stopwords.csv'))})`,
  }
}

function withoutHeader(sql: string): string {
  return sql.replace(/^\/\*.*?\*\/\s*/s, '')
}

/**
 * The same SQL as a dbt project: the lake and staging are views, the marts CSV files in `metrics/`.
 * Paths are relative to the directory of the project, where dbt is to run.
 */
export async function writeDbtProject(directory: string, lake: string): Promise<void> {
  const { macros, staging, marts, stopwords } = await readMarts()
  const names = ['events', 'stopwords', ...STAGING]
  const reads = new RegExp(`\\b(from|join)\\s+"?(${names.join('|')})"?(?![\\w-])`, 'gi')
  const model = (select: string): string => select.replace(reads, (_, word: string, name: string) => `${word} {{ ref('${modelName(name)}') }}`)
  const events = `select * from ${relation(quote(join(lake, '**/*.parquet')))}`
  const files: [string, string][] = [
    ['dbt_project.yml', PROJECT],
    ['profiles.yml', PROFILES],
    ['macros/sluice.sql', `{% macro sluice() %}{% raw %}${macros}{% endraw %}{% endmacro %}\n`],
    ['models/staging/events.sql', events],
    ['models/staging/stopwords.sql', `select * from ${stopwords}`],
    ...staging.map(({ name, select }): [string, string] => [`models/staging/${modelName(name)}.sql`, model(select)]),
    ...marts.map(({ name, select }): [string, string] => [
      `models/marts/${modelName(name)}.sql`,
      `{{ config(materialized='external', location='metrics/${name}.csv', format='csv') }}\n${model(select)}`,
    ]),
  ]
  for (const [path, text] of files) {
    await mkdir(join(directory, path, '..'), { recursive: true })
    await writeFile(join(directory, path), text)
  }
  await mkdir(join(directory, 'metrics'), { recursive: true })
}

function modelName(name: string): string {
  return name.replaceAll('-', '_')
}

const PROJECT = `name: marts
version: '1.0'
config-version: 2
profile: marts
flags: {send_anonymous_usage_stats: false}
on-run-start: ['{{ sluice() }}']
models: {+materialized: view}
`

const PROFILES = `marts:
  target: dev
  outputs: {dev: {type: duckdb, path: marts.duckdb, threads: 2, settings: {TimeZone: UTC}}}
`
