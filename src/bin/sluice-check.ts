import { writeFile } from 'node:fs/promises'
import type { CheckedQueries } from '../check/queries.ts'
import { checkQueries } from '../check/queries.ts'
import { codeOf, EXIT, Failure, messageOf } from '../failure.ts'
import { parseText } from '../quantity.ts'
import { formatProblem } from '../query/problem.ts'
import { parseSelectors, SELECTORS } from '../query/select.ts'
import { main } from './main.ts'

export const summary = 'Check the models without a lake: for CI and before a commit'

const options = {
  queries: { describe: 'Directory of the models', argument: 'DIR', parse: parseText, default: 'queries' },
  select: { describe: 'Only these models (see below)', argument: 'SELECTORS', parse: parseSelectors },
  fix: { describe: 'Format the files that are not formatted; nothing else is ever written' },
  json: { describe: 'Print one JSON object per finding, then one for the summary' },
}

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    {
      name: 'sluice check',
      summary: `${summary}.`,
      epilogue: [
        'Of each model: the header; that it parses, reads what there is, and runs on an empty lake; that the header says '
        + 'description, grain and each column of the result with its type (of a seed, NAME.yaml beside its CSV says it); '
        + 'that it is formatted; of metrics, that Spark would understand them too; of those that accumulate, that the '
        + 'parts of the stream add up to the whole, and that nothing they read depends on the clock or on chance.',
        '',
        SELECTORS,
        '',
        'Exit codes: 0 nothing found, 1 something was, 2 usage. With --fix, what is left after it counts.',
      ].join('\n'),
      options,
    },
    async ({ queries, select, fix, json }) => {
      const checked = await checkQueries({ queries, select, write: fix ? save : undefined })
      process.stdout.write(json ? toJson(checked) : toText(checked))
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
