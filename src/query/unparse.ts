import type { Column, Session } from '../duckdb.ts'
import { columnsOf, quote } from '../duckdb.ts'
import type { Node } from './tree.ts'

/** The query of a text that is one SELECT. */
export async function parseQuery(session: Session, sql: string): Promise<Node> {
  const [row] = await session.rows<{ tree: string }>(`SELECT json_serialize_sql(${quote(sql)}) AS tree`)
  return (JSON.parse(row?.tree as string) as { statements: [{ node: Node }] }).statements[0].node
}

/** DuckDB's text of a query's tree. Places are of 64 bits, of which JavaScript has made other numbers. */
export async function unparse(session: Session, node: Node): Promise<string> {
  const [row] = await session.rows<{ sql: string }>(`SELECT json_deserialize_sql(${quote(serialize(node))}::JSON) AS sql`)
  return row?.sql as string
}

export async function columnsOfQuery(session: Session, node: Node): Promise<Column[]> {
  return columnsOf(session, `(${await unparse(session, node)})`)
}

export function serialize(node: Node): string {
  const statement = { node, named_param_map: [] }
  return JSON.stringify({ error: false, statements: [statement] }, (key, value: unknown) => (key === 'query_location' ? 0 : value))
}
