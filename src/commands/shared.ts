// Options that several executables take, each said once.
import { parseBytes, parseDuration, parseText } from '../quantity.ts'
import type { Option } from '../options.ts'

/** Where the lake and its private state are; every path is relative to the working directory. */
export const PLACES = {
  lake: { describe: 'Directory of the lake', argument: 'DIR', parse: parseText, default: 'lake' },
  state: { describe: 'Directory of private state, on the same filesystem as the lake', argument: 'DIR', parse: parseText, default: '.sluice' },
} satisfies Record<string, Option<string>>

export const QUERIES = {
  queries: { describe: 'Directory of the models', argument: 'DIR', parse: parseText, default: 'queries' },
} satisfies Record<string, Option<string>>

export const METRICS = {
  metrics: { describe: 'Directory of the results', argument: 'DIR', parse: parseText, default: 'metrics' },
} satisfies Record<string, Option<string>>

/** The options of whatever compacts and drops. */
export const MAINTENANCE = {
  sealAfter: { describe: 'Merge the files of an hour when its end is this much older than the newest event, or when none has come to it for so long', parse: parseDuration, default: '10m' },
  targetSize: { describe: 'Merge into files of about this size', parse: parseBytes, default: '256MB' },
  keep: { describe: 'Drop dates whose events are all older than this, such as 30d; by default all are kept', parse: parseDuration },
  grace: { describe: 'Leave the files of an hour that was merged to queries that still read them for this long', parse: parseDuration, default: '60s' },
  yes: { describe: 'Let --keep drop more than half of the lake' },
}

/** For the help of whoever takes them. */
export const SELECTORS = `Selectors, separated by commas or spaces (either means: all of these):
  likes              the model of this name; * stands for any letters
  tag:gold           models that have this tag in their header
  queries/staging    models in this file or directory; * stands for any letters but /
  +likes  likes+     with all that it needs; with all that need it; also +likes+`

/** Selectors separated by commas or spaces: what any of them means. (In dbt a comma means what both mean; nobody here has asked for it.) */
export function parseSelectors(text: string): string[] {
  const selectors = text.trim().split(/\s*,\s*|\s+/)
  if (selectors.some((selector) => /^\+*$/.test(selector))) {
    throw new Error('names, tags or paths of models separated by commas or spaces, such as likes-per-minutes,tag:posts,queries/staging/*.sql,+likes+')
  }
  return selectors
}
