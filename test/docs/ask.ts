import { openEngine } from '../../src/duckdb.ts'

/** Runs the SQL of stdin in the working directory: what a reader of a document would do in a DuckDB shell. Prints the number of rows. */
let sql = ''
for await (const chunk of process.stdin) sql += String(chunk)
const engine = await openEngine()
const session = await engine.connect()
let rows = 0
for (const statement of sql.split(/;\s*$/m)) if (statement.trim() !== '') rows += (await session.rows(statement)).length
process.stdout.write(`${rows}\n`)
session.close()
engine.close()
