import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { quote } from '../duckdb.ts'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import type { Header, LineOf, Severity, Sources } from './header.ts'
import { headerText, parseHeader, parseSources, parseTestHeader, UNDOCUMENTED } from './header.ts'
import type { Problem } from './problem.ts'

export const LAYERS = ['seeds', 'staging', 'metrics', 'tests'] as const

/** seeds: tables from CSV files. staging: views. metrics: results, which sinks publish. tests: queries that must return no rows, which no model reads. */
export type Layer = (typeof LAYERS)[number]

/** One file below the queries directory, bound in SQL under its file's name. */
export interface Model {
  name: string
  layer: Layer
  file: string
  /** The whole file, so that line numbers are the file's; empty for a seed. */
  sql: string
  header: Header
  /** Where the header stands; absent where there is none. */
  declared?: { file: string; lineOf: LineOf }
  /** Of a test: how bad it is if it returns rows. */
  severity?: Severity
  /** What is wrong with it already: it is not run, nor is what needs it. */
  problem?: Problem
}

export interface Models {
  models: Model[]
  /** Files that are no models, and why. */
  problems: Problem[]
  /** `macros.sql`, run before anything is bound. */
  macros: { file: string; sql: string } | undefined
  /** What `sources.yaml` says of `events`. */
  sources: Sources
}

/** Relations that the engine binds and no model may be called. */
export const SOURCES = ['events'] as const

const EXTENSION: Record<Layer, string> = { seeds: '.csv', staging: '.sql', metrics: '.sql', tests: '.sql' }
const NAME = /^[\p{L}_][\p{L}\p{N}_-]*$/u

/** The rows of a seed, as a FROM clause takes them. */
export function seedRows(file: string): string {
  return `read_csv(${quote(file)}, header = true, delim = ',')`
}

/** SQL identifiers are the same in any case. */
export function keyOf(name: string): string {
  return name.toLowerCase()
}

export async function loadModels(queries: string): Promise<Models> {
  const present = await entries(queries, (code) => new Failure(
    code === 'ENOENT'
      ? `expected the models in ${queries}, got no such directory; run in the directory that holds it or give another one by --queries`
      : `cannot read the models in ${queries} (${code}); give a readable directory by --queries`,
    EXIT.usage,
  ))
  const models: Model[] = []
  const problems: Problem[] = []
  const taken = new Map<string, string>(SOURCES.map((name) => [name, 'the engine']))
  for (const layer of LAYERS.filter((name) => present.includes(name))) {
    const directory = join(queries, layer)
    const names = await entries(directory, (code) => new Failure(
      `cannot read ${directory} (${code}); make it a readable directory of models`,
      EXIT.usage,
    ))
    for (const entry of names.filter((name) => extname(name) === EXTENSION[layer] && !name.startsWith('.')).sort()) {
      const file = join(directory, entry)
      const name = basename(entry, EXTENSION[layer])
      const other = taken.get(keyOf(name))
      if (!NAME.test(name)) {
        problems.push({ file, message: 'expected a file name of letters, digits, _ and -, beginning with a letter; rename it' })
      } else if (other !== undefined) {
        problems.push({ file, message: `expected a name of its own, got one that ${other} has too; rename it` })
      } else {
        taken.set(keyOf(name), file)
        models.push(await load(name, layer, file, names.includes(`${name}.yaml`) ? join(directory, `${name}.yaml`) : undefined))
      }
    }
  }
  const file = join(queries, 'macros.sql')
  const sources = await loadSources(queries)
  return {
    models,
    problems: [...problems, ...('problem' in sources ? [sources.problem] : [])],
    macros: present.includes('macros.sql') ? { file, sql: await text(file) } : undefined,
    sources: 'problem' in sources ? {} : sources.sources,
  }
}

/** `sources.yaml` of a directory of models, which need not be there. */
export async function loadSources(queries: string): Promise<{ sources: Sources } | { problem: Problem }> {
  const file = join(queries, 'sources.yaml')
  return existsSync(file) ? parseSources(file, await text(file)) : { sources: {} }
}

/** What a model says about itself stands in the leading comment of its SQL; of a seed, in the YAML file beside it. */
async function load(name: string, layer: Layer, file: string, beside: string | undefined): Promise<Model> {
  const sql = layer === 'seeds' ? '' : await text(file)
  const model = { name, layer, file, sql, header: UNDOCUMENTED }
  if (layer === 'tests') return { ...model, ...(await parseTestHeader(file, headerText(sql))) }
  const declared = layer === 'seeds' ? (beside ?? file) : file
  const parsed = await parseHeader(declared, layer === 'seeds' ? beside && (await text(beside)) : headerText(sql))
  if ('problem' in parsed) return { ...model, ...parsed }
  const { header, lineOf } = parsed
  return { ...model, header, ...(lineOf ? { declared: { file: declared, lineOf } } : {}) }
}

async function entries(directory: string, failure: (code: string) => Failure): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    throw failure(codeOf(error) ?? messageOf(error))
  }
}

async function text(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new Failure(`cannot read ${file} (${codeOf(error) ?? messageOf(error)}); make it readable or remove it`, EXIT.usage)
  }
}
