/** What is wrong with one model: shown to whoever writes the SQL, so it says the file, the line and, where known, the place in it. */
export interface Problem {
  file: string
  /** From 1; absent where only the file is known. */
  line?: number
  message: string
  /** The line and a caret below it, as DuckDB shows them, with the file's own line number. */
  excerpt?: string
}

/** `queries/metrics/x.sql:12: Binder Error: …`. */
export function formatProblem({ file, line, message }: Problem): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${message}`
}

/** A problem at a character (code unit) of the file's text. */
export function problemAt(file: string, text: string, offset: number, message: string): Problem {
  const before = text.slice(0, offset)
  const start = before.lastIndexOf('\n') + 1
  const line = before.split('\n').length
  const source = (text.slice(start).split('\n', 1)[0] as string).trimEnd()
  return { file, line, message, excerpt: excerpt(line, source, offset - start) }
}

/**
 * DuckDB's error about a statement made of `prefixLines` lines and then the file's text.
 * Its message ends in a blank line, `LINE n: …` and a caret, where it knows the place.
 */
export function problemFrom(file: string, error: unknown, prefixLines = 0): Problem {
  const said = error instanceof Error ? error.message : String(error)
  const match = /\n\nLINE (\d+): (.*)\n( *)\^/.exec(said)
  if (!match) return { file, message: oneLine(said) }
  const [whole, number = '', source = '', indent = ''] = match
  const line = Number(number) - prefixLines
  const message = oneLine(said.replace(whole, ''))
  return line < 1 ? { file, message } : { file, line, message, excerpt: excerpt(line, source, indent.length - `LINE ${number}: `.length) }
}

function excerpt(line: number, source: string, column: number): string {
  const label = `LINE ${line}: `
  return `${label}${source}\n${' '.repeat(label.length + Math.max(0, column))}^`
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ')
}
