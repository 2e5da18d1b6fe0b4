import { codeOf, messageOf } from '../failure.ts'
import { linesOfFile } from '../ingest/reject.ts'
import { parseSegment } from '../lake/names.ts'

/** What is wrong with one line of a file of dead letters of this segment; undefined where nothing is. Pure. */
export function letterProblem(line: string, segment: string): string | undefined {
  let letter: unknown
  try {
    letter = JSON.parse(line)
  } catch {
    return 'it is not JSON'
  }
  if (typeof letter !== 'object' || letter === null || Array.isArray(letter)) return 'it is not a JSON object'
  const { reason, value, segment: from, line: number, at, text, base64, cut, ...rest } = letter as Record<string, unknown>
  if (typeof reason !== 'string' || reason === '') return 'it has no `reason`'
  if (value !== undefined && typeof value !== 'string') return 'its `value` is not a text'
  if (from !== segment) return `its \`segment\` is not ${segment}`
  if (!Number.isInteger(number) || (number as number) < 1) return 'its `line` is no line number'
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at))) return 'its `at` is no time'
  if (typeof (text ?? base64) !== 'string' || (text !== undefined && base64 !== undefined)) return 'it has not one of `text` and `base64`'
  if (cut !== undefined && !Number.isInteger(cut)) return 'its `cut` is no length'
  const [stranger] = Object.keys(rest)
  return stranger === undefined ? undefined : `it has a key \`${stranger}\``
}

/** What is wrong with a file of dead letters; undefined where nothing is. */
export async function letterFileProblem(path: string, name: string): Promise<string | undefined> {
  const segment = name.replace(/\.ndjson$/, '')
  if (!parseSegment(segment)) return 'its name is not that of a segment'
  let at = 0
  try {
    for await (const line of linesOfFile(path)) {
      at++
      const problem = letterProblem(line, segment)
      if (problem) return `line ${at}: ${problem}`
    }
  } catch (error) {
    // Fed back meanwhile.
    if (codeOf(error) === 'ENOENT') return undefined
    return `it cannot be read (${messageOf(error)})`
  }
  return undefined
}
