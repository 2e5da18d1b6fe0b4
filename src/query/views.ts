// `events`, models, seeds and macros as DuckDB's views, for whoever asks in another program: `sluice views`.
import { join, resolve } from 'node:path'
import type { Session } from '../duckdb.ts'
import { exactly, identifier, quote } from '../duckdb.ts'
import { EXIT, Failure, messageOf } from '../failure.ts'
import { DERIVED_COLUMNS } from '../lake/derived.ts'
import { AS_JSON, EVENTS } from '../lake/schema.ts'
import type { Models } from './models.ts'
import { keyOf } from './models.ts'
import type { Parsed } from './parse.ts'
import type { Step } from './plan.ts'
import type { Problem } from './problem.ts'
import { problemFrom } from './problem.ts'

const HIVE = 'hive_partitioning = true, hive_types = {date: DATE, hour: BIGINT}'

export interface View {
  name: string
  /** `CREATE OR REPLACE VIEW …`, without a semicolon. */
  sql: string
  model?: Parsed
}

/** All files of a lake, found whenever the view is asked. DuckDB's ** does not follow the symlinks that compaction leaves for a while. */
function filesOf(lake: string): string {
  return join(lake.replace(/[*?[]/g, '[$&]'), '**', '*.parquet')
}

/** `events` over all files that the lake has whenever it is asked; it cannot be bound while there is none. */
export function eventsView(lake: string): View {
  // DuckDB takes every key=value directory of a path for a partition, also those above the lake.
  const isAmbiguous = lake.split(/[/\\]/).some((part) => part.includes('='))
  const partition = isAmbiguous ? ", make_timestamp(epoch_us(event_time))::DATE AS date, hour(make_timestamp(epoch_us(event_time))) AS hour" : ''
  const read = `read_parquet(${quote(filesOf(lake))}, ${isAmbiguous ? 'hive_partitioning = false' : HIVE})`
  return { name: 'events', sql: `CREATE OR REPLACE VIEW events AS SELECT * REPLACE (${AS_JSON})${partition}, ${DERIVED_COLUMNS}\nFROM ${read}` }
}

/** Seeds and models, each after all that it reads, as far as their files are right. */
export function modelViews(steps: readonly Step[]): { views: View[]; problems: Problem[] } {
  const views: View[] = []
  const problems: Problem[] = []
  const known = new Set<string>()
  for (const { model, needs, problem } of steps) {
    if (problem) problems.push(problem)
    else if (needs.every((need) => known.has(keyOf(need)))) {
      known.add(keyOf(model.name))
      views.push({ name: model.name, model, sql: `CREATE OR REPLACE VIEW ${identifier(model.name)} AS\n${model.layer === 'seeds' ? seed(resolve(model.file)) : bare(model.sql)}` })
    }
  }
  return { views, problems }
}

function seed(file: string): string {
  return `FROM read_csv(${exactly(file)}, header = true, delim = ',')`
}

/** A model's text without its header and without what would end or swallow the statement that it is put into. */
function bare(sql: string): string {
  return `${sql.replace(/^\s*\/\*[^]*?\*\/\s*/, '').replace(/[\s;]+$/, '')}\n`
}

/** Makes what can be made, and says what is wrong with the rest; what reads a bad one is left out. */
export async function createViews(session: Session, views: readonly View[]): Promise<{ created: View[]; problems: Problem[] }> {
  const created: View[] = []
  const problems: Problem[] = []
  const missing = new Set<string>()
  for (const view of views) {
    const { name, sql, model } = view
    if (model?.references.some((reference) => missing.has(keyOf(reference.name)))) missing.add(keyOf(name))
    else {
      try {
        await session.run(sql)
        created.push(view)
      } catch (error) {
        if (!model) throw new Failure(`cannot read the lake: ${(messageOf(error).split(' LINE ', 1)[0] as string).trim()}; see sluice status, and sluice upgrade for older files`, EXIT.io)
        missing.add(keyOf(name))
        problems.push({ file: model.file, message: problemFrom(model.file, error).message })
      }
    }
  }
  return { created, problems }
}

/** The views as one text for any DuckDB. */
export function viewsText(lake: string, macros: Models['macros'], views: readonly View[]): string {
  const statements = [...(macros ? [macros.sql.trimEnd()] : []), ...views.map(({ sql }) => `${sql.trimEnd()}\n;`)]
  return [
    `-- The lake ${lake.replace(/[\r\n]/g, ' ')} and its models as views, for any DuckDB; made by sluice views. Make it anew after a model was edited or added.`,
    "SET TimeZone = 'UTC';",
    'SET parquet_metadata_cache = true;',
    ...statements,
  ].map((text) => `${text}\n`).join('\n')
}

/** Whether this is what {@link shellText} makes, of whatever models. */
export function isShellText(text: string): boolean {
  return text.includes("FROM query(getvariable('models')[")
}

/** The same for the DuckDB shell, with paths as they are given: texts of models are read when this is, and SLUICE_LAKE names another lake. */
export function shellText({ lake, queries, macros, steps }: { lake: string; queries: string; macros: Models['macros']; steps: readonly Step[] }): string {
  const { views } = modelViews(steps)
  const models = views.flatMap(({ model }) => (model && model.layer !== 'seeds' ? [model] : []))
  const script = join(queries, 'lake.sql')
  const empty = `SELECT ${Object.entries(EVENTS).map(([name, type]) => `NULL::${type} AS ${name}`).join(', ')}, NULL::DATE AS date, NULL::BIGINT AS hour WHERE false`
  return `-- Ad-hoc questions: \`duckdb -init ${script}\`, in the directory that holds ${lake}/ and ${queries}/, starts with events, each model
-- and each seed as views. SLUICE_LAKE names another lake. A view is the text of its file, read at start: .read ${script}
-- after an edit. After a model was added: sluice views --relative > ${script}. For Python, R, a GUI or another directory there is
-- sluice views FILE.duckdb.
--
-- The lake is read by \`**\`, which does not follow symlinks: the files that compaction has replaced are symlinked for a
-- minute, and a glob such as */*/* would count their rows twice.
SET TimeZone = 'UTC';
-- Footers are read once and kept: of 1,200 files as written, a count takes 0.03 s instead of 0.17.
SET parquet_metadata_cache = true;
${macros ? `.read ${/^[\w./-]+$/.test(macros.file) ? macros.file : quote(macros.file)}\n` : ''}
SET VARIABLE lake = coalesce(nullif(getenv('SLUICE_LAKE'), ''), ${quote(lake)});

-- A lake without a file has no columns to read: an empty table stands in until the next .read ${script}.
SET VARIABLE events = (
  SELECT CASE WHEN count(*) > 0
    THEN 'FROM read_parquet(getvariable(''lake'') || ''/**/*.parquet'', ${HIVE})'
    ELSE ${quote(empty)}
    END
  FROM glob(getvariable('lake') || '/**/*.parquet')
);
-- A value is in a file once; these follow from others, and are made where they are asked for. rest and extra are JSON texts.
CREATE OR REPLACE VIEW events AS SELECT * REPLACE (${AS_JSON}),
  ${DERIVED_COLUMNS}
FROM query(getvariable('events'));

${models.length === 0 ? '' : `-- Models are bare SELECTs; query() makes a table of such a text, so nothing is said twice.
SET VARIABLE models = (
  SELECT map(list(parse_filename(filename, true)), list(content))
  FROM read_text([${models.map(({ file }) => `\n    ${exactly(file).slice(1, -1)}`).join(',')}
  ])
);

`}${views.map(({ name, model }) => `CREATE OR REPLACE VIEW ${identifier(name)} AS ${model?.layer === 'seeds' ? seed(model.file) : `FROM query(getvariable('models')[${quote(name)}])`};\n`).join('')}`
}
