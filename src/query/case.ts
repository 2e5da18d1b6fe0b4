import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { Session } from '../duckdb.ts'
import { columnsOf, identifier, quote } from '../duckdb.ts'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import { DERIVED } from '../lake/derived.ts'
import { diffOf } from './diff.ts'
import { eventsDefinition } from './events.ts'
import type { Models } from './models.ts'
import { keyOf, SOURCES } from './models.ts'
import { nearest } from '../did-you-mean.ts'
import type { Plan, Step } from './plan.ts'
import type { Problem } from './problem.ts'
import { problemFrom } from './problem.ts'
import { blame, runMacros, statement } from './statement.ts'

/** Given rows and the rows that a model must make of them: `queries/tests/<model>/<case>/`. */
export interface Case {
  /** `likes-per-minutes/minute-edges`. */
  name: string
  model: string
  directory: string
  /** Files of given rows by relation, CSV or SQL. */
  given: Map<string, string>
}

const EXPECTED = 'expected.csv'

/** The cases of all models, in order. What looks like one and is none comes as a problem of the case. */
export async function loadCases(queries: string): Promise<Case[]> {
  const root = join(queries, 'tests')
  if (!existsSync(root)) return []
  const cases: Case[] = []
  for (const model of await directories(root)) {
    for (const name of await directories(join(root, model))) {
      const directory = join(root, model, name)
      const files = (await entries(directory)).flatMap((entry) => (entry.isFile() && entry.name !== EXPECTED && /\.(csv|sql)$/.test(entry.name) ? entry.name : []))
      const given = new Map(files.map((file) => [basename(file, extname(file)), join(directory, file)]))
      cases.push({ name: `${model}/${name}`, model, directory, given })
    }
  }
  return cases
}

export interface CaseOptions {
  models: Models
  /** What is to be bound for the case's model, which comes last, each after all that it needs. */
  plan: Plan
  /** A private directory. */
  scratch: string
  /** Writes a relation as it would be published. */
  write: (session: Session, name: string, file: string) => Promise<void>
}

/** What is wrong with a case; undefined where the model does as it says. Each has a database of its own. */
export async function judgeCase(session: Session, one: Case, options: CaseOptions): Promise<Problem | undefined> {
  const wrong = await objection(one, options)
  if (wrong) return wrong
  await session.run("ATTACH ':memory:' AS unit; USE unit")
  try {
    return await inDatabase(session, one, options)
  } finally {
    await session.run('USE memory; DETACH unit')
  }
}

async function inDatabase(session: Session, one: Case, { models, plan, scratch, write }: CaseOptions): Promise<Problem | undefined> {
  await session.run(`CREATE TABLE events (${eventsDefinition()})`)
  await runMacros(session, models.macros)
  const given = new Map([...one.given].map(([name, file]) => [keyOf(name), file]))
  const events = given.get(SOURCES[0])
  if (events !== undefined) {
    const problem = await fill(session, SOURCES[0], events)
    if (problem) return problem
    // As the partitions would say.
    await session.run('UPDATE events SET date = coalesce(date, event_time::TIMESTAMP::DATE), hour = coalesce(hour, hour(event_time::TIMESTAMP))')
    // As they would be derived.
    const derived = Object.entries(DERIVED).map(([name, { sql }]) => `${name} = coalesce(${name}, ${sql})`)
    await session.run(`UPDATE events SET rest = coalesce(rest, record), ${derived.join(', ')}`)
  }
  const tested = plan.steps.at(-1) as Step
  for (const step of plan.steps) {
    const { model } = step
    const file = step === tested ? undefined : given.get(keyOf(model.name))
    try {
      await session.run(statement(step === tested ? { ...model, layer: 'metrics' } : { ...model, layer: model.layer === 'seeds' ? 'seeds' : 'staging' }))
    } catch (error) {
      return blame(model, step.needs, error)
    }
    if (model.layer === 'seeds') await session.run(`TRUNCATE ${identifier(model.name)}`)
    if (file === undefined) continue
    const problem = await replace(session, model.name, file)
    if (problem) return problem
  }
  const written = join(scratch, 'actual.csv')
  await write(session, tested.model.name, written)
  const expected = join(one.directory, EXPECTED)
  const diff = diffOf(await text(expected), await text(written))
  return diff && { file: expected, message: `expected ${tested.model.name} to be as here, got another result`, excerpt: diff.join('\n') }
}

/** What is wrong before anything is run. */
async function objection({ name, model, directory, given }: Case, { models, plan }: CaseOptions): Promise<Problem | undefined> {
  const known = models.models.filter(({ layer }) => layer === 'staging' || layer === 'metrics').map(({ name }) => name)
  const meant = (written: string, candidates: readonly string[]): string => {
    const close = nearest(written, candidates)
    return close === undefined ? '' : `; did you mean \`${close}\`?`
  }
  if (!known.includes(model)) return { file: directory, message: `expected ${name} to be below the name of a model, got \`${model}\`${meant(model, known)}` }
  const broken = plan.steps.find(({ problem }) => problem)
  if (broken?.problem) return broken.problem
  const readable = [...SOURCES, ...(plan.steps.at(-1)?.needs ?? [])]
  const stranger = [...given.keys()].find((relation) => !readable.some((other) => keyOf(other) === keyOf(relation)))
  if (stranger !== undefined) {
    const message = `expected rows of what ${model} reads (${readable.join(', ')}), got rows of \`${stranger}\`${meant(stranger, readable)}`
    return { file: given.get(stranger) as string, message }
  }
  return existsSync(join(directory, EXPECTED)) ? undefined : { file: directory, message: `expected the rows to come in ${EXPECTED}, got no such file` }
}

/** Puts a table of the same columns where a relation is, with the given rows. */
async function replace(session: Session, name: string, file: string): Promise<Problem | undefined> {
  const relation = identifier(name)
  await session.run(`CREATE TABLE given AS FROM ${relation} LIMIT 0`)
  const [row] = await session.rows<{ type: string }>(`SELECT table_type AS type FROM information_schema.tables WHERE table_catalog = 'unit' AND table_name = ${quote(name)}`)
  await session.run(`DROP ${row?.type === 'VIEW' ? 'VIEW' : 'TABLE'} ${relation}; ALTER TABLE given RENAME TO ${relation}`)
  return fill(session, name, file)
}

/** Rows of a SELECT, or of a CSV whose header names columns; the others are null. In it, an empty field is null and "" an empty text. */
async function fill(session: Session, name: string, file: string): Promise<Problem | undefined> {
  const sql = await text(file)
  const csv = `read_csv(${quote(file)}, header = true, delim = ',', quote = '"', escape = '"', all_varchar = true, allow_quoted_nulls = false)`
  try {
    if (extname(file) === '.csv') {
      const columns = (await columnsOf(session, identifier(name))).map((column) => column.name)
      const named = (await columnsOf(session, csv)).map((column) => column.name)
      const stranger = named.find((column) => !columns.includes(column))
      if (stranger !== undefined) {
        const close = nearest(stranger, columns)
        const message = `expected columns of ${name} (${columns.join(', ')}), got \`${stranger}\`${close === undefined ? '' : `; did you mean \`${close}\`?`}`
        return { file, line: 1, message }
      }
    }
    await session.run(`INSERT INTO ${identifier(name)} BY NAME\n${extname(file) === '.csv' ? `SELECT * FROM ${csv}` : sql}`)
  } catch (error) {
    // What DuckDB says of a CSV goes on with advice that is not for whoever writes a case.
    return extname(file) === '.csv' ? { file, message: messageOf(error).split(/ Column \S+ is being | Possible | LINE /, 1)[0] as string } : problemFrom(file, error, 1)
  }
  return undefined
}

async function directories(path: string): Promise<string[]> {
  return (await entries(path)).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name)
}

async function entries(path: string) {
  try {
    return (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function text(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): Failure {
  return new Failure(`cannot read ${path} (${codeOf(error) ?? messageOf(error)}); make it readable or remove it`, EXIT.usage)
}
