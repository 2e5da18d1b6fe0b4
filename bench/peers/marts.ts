import { join } from 'node:path'
import { exactly, identifier, openEngine, quote } from '../../src/duckdb.ts'
import { readMarts } from '../marts.ts'

/**
 * The four marts by DuckDB from the raw lines, which it reads once, for the fields they need, into a table in memory.
 *
 * Arguments: the directory for the results, the files of lines.
 */
const [directory, ...files] = process.argv.slice(2) as [string, ...string[]]

const COLUMNS = "{timestamp: 'TIMESTAMPTZ', action: 'VARCHAR', path: 'VARCHAR', record: 'JSON', repo: 'VARCHAR'}"

const engine = await openEngine()
const session = await engine.connect()
const { macros, staging, marts, stopwords } = await readMarts()
await session.run(macros)
await session.run(`
  CREATE TABLE events AS
  SELECT event_time, did, action, split_part(path, '/', 1) AS collection, split_part(path, '/', 2) AS rkey,
    coalesce(fields.subject ->> 'uri', fields.subject ->> '$') AS subject_uri, NULL::VARCHAR AS subject_did,
    fields.text AS text, fields.langs AS langs, NULL::VARCHAR AS reply_parent, NULL::TIMESTAMPTZ AS created_at
  FROM (
    SELECT timestamp AS event_time, repo AS did, action, path,
      json_transform(record, '{"subject": "JSON", "text": "VARCHAR", "langs": ["VARCHAR"]}') AS fields
    FROM read_json(${exactly(...files)}, format = 'newline_delimited', columns = ${COLUMNS})
    WHERE action = 'create' AND (starts_with(path, 'app.bsky.feed.like/') OR starts_with(path, 'app.bsky.feed.post/'))
  )`)
await session.run(`CREATE VIEW stopwords AS FROM ${stopwords}`)
for (const { name, select } of staging) await session.run(`CREATE VIEW ${identifier(name)} AS ${select}`)
for (const { name, select } of marts) await session.run(`COPY (${select}) TO ${quote(join(directory, `${name}.csv`))} (FORMAT csv, HEADER true)`)
session.close()
engine.close()
