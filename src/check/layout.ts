/** Lays formatted SQL out as a person would: what fits on a line stands on one. Called by the formatter; pure. */

/** What is kept letter by letter: texts, quoted names, comments. A pattern. */
export const TOKENS = "'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\\$\\$[^]*?\\$\\$|--[^\\n]*|/\\*[^]*?\\*/"

/** One line of SQL with the lines indented below it, and, where it opens a parenthesis or a CASE, the line that closes it. */
interface Block {
  text: string
  below: Block[]
  close?: string
}

/** Columns of a line that was joined from several. */
const WIDTH = 100

/** The same where it holds several clauses, such as a whole subquery. */
const NARROW = 80

const INDENT = 2

const CLAUSE = /^(select( distinct)?|from|where|group by|having|order by|limit|offset|values|partition by|union( all)?)\b/

/** Clauses whose first item stands beside the keyword even where the others do not fit: the rest of `from` are joins, of `where` conditions. */
const BESIDE: Record<string, 'outdent' | 'keep'> = { from: 'outdent', where: 'keep', having: 'keep' }

/**
 * Takes SQL with one item per line, indented by 2, and joins clauses, argument lists and subqueries that fit on a line.
 * A block that holds a comment is left alone, and so is a text in which a string, a name or a comment spans lines.
 */
export function joinShortLines(sql: string): string {
  if (sql.match(new RegExp(TOKENS, 'g'))?.some((token) => token.includes('\n'))) return sql
  return print(parse(sql.split('\n')), 0).join('\n')
}

function parse(lines: readonly string[]): Block[] {
  const depthOf = (line: string): number => line.search(/\S/)
  const blocks: Block[] = []
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] as string
    let end = at + 1
    while (end < lines.length && depthOf(lines[end] as string) > depthOf(line)) end++
    const block: Block = { text: line.trim(), below: parse(lines.slice(at + 1, end)) }
    const closer = lines[end]
    const closes = block.below.length > 0 && closer !== undefined && depthOf(closer) === depthOf(line) && /^(\)|end\b)/.test(closer.trim())
    // A line that closes one block and opens another stays a line of its own.
    const opens = end + 1 < lines.length && depthOf(lines[end + 1] as string) > depthOf(line)
    if (closes && !opens) blocks.push({ ...block, close: (lines[end++] as string).trim() })
    else blocks.push(block)
    at = end
  }
  return blocks
}

/** All on one line; undefined where a comment or a blank line forbids it. */
function joined({ text, below, close = '' }: Block): string | undefined {
  if (text === '' || text.includes('--') || close.includes('--')) return undefined
  // Each join stands on a line of its own.
  if (text === 'from' && below.length > 1) return undefined
  let line = text
  for (const block of below) {
    const inner = joined(block)
    if (inner === undefined) return undefined
    line += line.endsWith('(') ? inner : ` ${inner}`
  }
  return close === '' ? line : close.startsWith(')') ? line + close : `${line} ${close}`
}

function clauses({ text, below }: Block): number {
  return (CLAUSE.test(text) ? 1 : 0) + below.reduce((sum, block) => sum + clauses(block), 0)
}

function print(blocks: readonly Block[], depth: number): string[] {
  return blocks.flatMap((block) => printOne(block, depth))
}

function printOne(block: Block, depth: number): string[] {
  const pad = ' '.repeat(depth * INDENT)
  const line = joined(block)
  if (line !== undefined && pad.length + line.length <= (clauses(block) > 1 ? NARROW : WIDTH)) return [pad + line]
  const { text, below, close } = block
  const rest = BESIDE[text]
  const [first, ...others] = below
  if (rest && first && joined({ text: first.text, below: [] }) !== undefined) {
    const [beside = '', ...inner] = printOne(first, depth)
    return [`${pad}${text} ${beside.trim()}`, ...inner, ...print(others, rest === 'outdent' ? depth : depth + 1)]
  }
  return [pad + text, ...print(below, depth + 1), ...(close === undefined ? [] : [pad + close])]
}
