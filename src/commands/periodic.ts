// What periodic takes and what its help says; read by bin/periodic.ts.
import type { Command, Options } from '../options.ts'
import { parseDuration } from '../quantity.ts'
import { MAINTENANCE, METRICS, parseSelectors, PLACES, QUERIES, SELECTORS } from './shared.ts'

const options = {
  ...PLACES,
  ...QUERIES,
  ...METRICS,
  ...MAINTENANCE,
  select: { describe: 'Only these models (see below), with what they need', argument: 'SELECTORS', parse: parseSelectors },
  watch: { describe: 'Keep running; run again when Parquet files arrive in the lake' },
  every: { describe: 'Keep running; run again after this time, counted from start to start', argument: 'TIME', parse: parseInterval },
  full: { describe: 'Forget what is kept of earlier runs, and compute everything from all events' },
  dryRun: { describe: 'Print what would be run and written; write nothing' },
  json: { describe: 'One JSON object per model on stdout, then one for the run' },
}

/** What `periodic` takes, and its help. */
export const PERIODIC = {
  name: 'periodic',
  summary: 'Runs every model once over the lake and writes its result to metrics/<model>.csv.',
  epilogue: 'Made for `watch -n 30 ./periodic`. Exit codes: 0 all models ran, 1 some did not, 2 usage, 74 the lake cannot be read, '
    + `75 another periodic is running.\n\n${SELECTORS}\nWhat the selected models need is run too, but only selected metrics are written.`,
  options,
} satisfies Command<Options>

function parseInterval(text: string): number {
  const ms = parseDuration(text)
  if (ms < 100) throw new Error('a duration of 100ms or more, such as 30s')
  return ms
}
