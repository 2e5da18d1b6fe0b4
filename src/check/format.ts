import type { Parsed } from '../query/parse.ts'
import type { Problem } from '../query/problem.ts'
import { functionsIn } from '../query/tree.ts'
import { joinShortLines, TOKENS } from './layout.ts'

/**
 * The one place where the style of the SQL is decided. Only keywords change their case: a column shows the case it is written in.
 * Not formatted are macros.sql, whose long patterns are laid out to be read beside their comments (the formatter knows no CREATE MACRO and runs
 * it into one line), and lake.sql, which has commands of the DuckDB shell in it.
 */
const STYLE = {
  tabWidth: 2,
  keywordCase: 'lower',
  expressionWidth: 100,
  logicalOperatorNewline: 'before',
} as const

/** Written like functions, but none in the parse tree. */
const GRAMMAR = ['columns', 'percentile_cont', 'percentile_disc', 'try_cast']

/** The text as it should stand in its file. The leading comment, which is YAML, stays as it is. Throws where the formatter does not understand it. */
export async function formatSql(sql: string, tree: unknown): Promise<string> {
  const { duckdb, formatDialect } = await import('sql-formatter')
  const { tokenizerOptions } = duckdb
  // Of a function it does not know, it would part the name from its parenthesis; a name that means something else stays that.
  const keywords = new Set([tokenizerOptions.reservedKeywords, tokenizerOptions.reservedDataTypes].flat())
  const called = [...functionsIn(tree), ...GRAMMAR].map((name) => name.toUpperCase()).filter((name) => !keywords.has(name))
  const dialect = { ...duckdb, tokenizerOptions: { ...tokenizerOptions, reservedFunctionNames: [...tokenizerOptions.reservedFunctionNames, ...called] } }
  // The formatter takes a minus, spaces and digits for one number, and keeps the spaces.
  const text = sql.replaceAll('\r\n', '\n').replace(new RegExp(`${TOKENS}|-\\s+(?=\\d)`, 'g'), (token) => (/^-\s/.test(token) ? '- ' : token))
  const [header = ''] = /^\s*\/\*[^]*?\*\/\s*/.exec(text) ?? []
  const parts = [header.trim(), joinShortLines(formatDialect(text.slice(header.length), { ...STYLE, dialect }).trim())]
  return `${parts.filter((part) => part !== '').join('\n')}\n`
}

/** Whether two texts say the same: the same parse, and the same comments in the same order. Formatters have their errors, too. */
export function saysTheSame(a: Pick<Parsed, 'sql' | 'canonical'>, b: Pick<Parsed, 'sql' | 'canonical'>): boolean {
  return b.canonical !== undefined && a.canonical === b.canonical && JSON.stringify(commentsIn(a.sql)) === JSON.stringify(commentsIn(b.sql))
}

function commentsIn(sql: string): string[] {
  const tokens = sql.match(new RegExp(TOKENS, 'g')) ?? []
  return tokens.filter((token) => /^(--|\/\*)/.test(token)).map((token) => token.replace(/\s+/g, ' ').trim())
}

/** The first line that is not as it should be, and how it should be. */
export function differenceProblems(file: string, sql: string, formatted: string): Problem[] {
  if (sql === formatted) return []
  const [got, expected] = [sql.split('\n'), formatted.split('\n')]
  const index = expected.findIndex((line, at) => line !== got[at])
  const [is, should] = [got[index], expected[index]]
  if (is === undefined || should === undefined || sql.trimEnd() === formatted.trimEnd()) {
    return [{ file, line: got.length, message: "expected one newline at the end, as 'sluice check --fix' writes it" }]
  }
  return [{ file, line: index + 1, message: "expected it formatted, as 'sluice check --fix' does", excerpt: `- ${is}\n+ ${should}` }]
}
