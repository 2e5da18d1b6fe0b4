import { writeFile } from 'node:fs/promises'
import type { CheckedQueries } from '../check/queries.ts'
import { checkQueries } from '../check/queries.ts'
import { SLUICE } from '../commands/sluice.ts'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import { formatProblem } from '../query/problem.ts'
import { main } from './main.ts'
import { print } from './stdio.ts'

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.check,
    async ({ queries, select, fix, json }) => {
      const checked = await checkQueries({ queries, select, write: fix ? save : undefined })
      print(json ? toJson(checked) : toText(checked))
      return checked.problems.length === 0 ? 0 : EXIT.failed
    },
    argv,
  )
}

/** In place, as an editor does: permissions and links stay. */
async function save(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (error) {
    throw new Failure(`cannot write ${file} (${codeOf(error) ?? messageOf(error)}); make it writable, or run without --fix`, EXIT.io)
  }
}

function toText({ problems, coverage: { models, columns }, fixed, unformatted }: CheckedQueries): string {
  const files = new Set(problems.map(({ file }) => file)).size
  return [
    ...fixed.map((file) => `formatted ${file}`),
    ...problems.flatMap((problem) => [formatProblem(problem), ...(problem.excerpt === undefined ? [] : [problem.excerpt])]),
    ...unformatted.map(({ file, because }) => `not formatted: ${file}: ${because}`),
    `documented: ${models.documented} of ${models.all} models, ${columns.documented} of ${columns.all} columns`,
    problems.length === 0 ? 'nothing found' : `found ${problems.length} in ${files} ${files === 1 ? 'file' : 'files'}`,
  ].map((line) => `${line}\n`).join('')
}

function toJson({ problems, coverage, fixed, unformatted }: CheckedQueries): string {
  const findings = problems.map(({ file, line = null, message, excerpt = null }) => ({ file, line, message, excerpt }))
  return [...findings, { found: problems.length, documented: coverage, fixed, unformatted }].map((line) => `${JSON.stringify(line)}\n`).join('')
}
