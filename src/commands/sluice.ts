// What the commands of sluice take and what their help says; read by bin/sluice.ts and bin/sluice-*.ts.
import type { Command, Options } from '../options.ts'
import { parseCount, parseText, parseZone } from '../quantity.ts'
import { MAINTENANCE, METRICS, parseSelectors, PLACES, QUERIES, SELECTORS } from './shared.ts'

/** A command of `sluice`; `brief` is its line in the list of commands. */
type Subcommand = Command<Options> & { brief: string }

export const SLUICE = {
  rejects: {
    name: 'sluice rejects',
    brief: 'List the lines that were not accepted, or feed them back',
    summary: 'List the lines that were not accepted, or feed them back.',
    epilogue: 'Rejected lines are kept whole in STATE/rejected/*.ndjson with reason, segment and line; of lines over 16 MiB, the beginning.',
    options: {
      ...PLACES,
      replay: { describe: 'Try all of them again: what is accepted now goes into the lake, the rest stays rejected' },
      timezone: { describe: 'With --replay: time zone of timestamps that name none', parse: parseZone, default: 'UTC' },
      json: { describe: 'Print one line of JSON for each reason' },
    },
  },
  compact: {
    name: 'sluice compact',
    brief: 'Merge the files of sealed hours, and drop old dates',
    summary: 'Merge the files of sealed hours, and drop old dates.',
    epilogue: "periodic does the same after each run, within a budget. Queries that run meanwhile see each event once.",
    options: {
      ...PLACES,
      ...MAINTENANCE,
      dryRun: { describe: 'Print what would be done; write nothing' },
    },
  },
  test: {
    name: 'sluice test',
    brief: 'Run the tests of models, seeds and sources',
    summary: 'Run the tests of models, seeds and sources.',
    epilogue: [
      'Publishes nothing and locks nothing: it works while everything else runs. Tests of staging models read all of history. '
        + 'accumulates(<model>) compares what two halves of the newest hour give together with what the hour gives. Of rows for which a test does not hold, the first 1,000 are in STATE/failures/<test>.csv.',
      `${SELECTORS}\nNames of tests and cases, and events for its freshness, are selectors too.`,
      'Exit codes: 0 all passed (warnings may be), 1 some did not, 2 usage, 74 the lake cannot be read.',
    ].join('\n'),
    options: {
      ...PLACES,
      ...QUERIES,
      select: { describe: 'Only tests of these models, and tests that read them (see below)', argument: 'SELECTORS', parse: parseSelectors },
      json: { describe: 'Print one JSON object per test, then one for the summary' },
    },
  },
  status: {
    name: 'sluice status',
    brief: 'Show the lake at a glance',
    summary: 'Show the lake at a glance: files, hours, lag, what waits in the WAL, rejects, warnings.',
    epilogue: 'Reads names, sizes, footers and the newest times only, and changes nothing. Works while everything else runs.',
    options: {
      ...PLACES,
      queries: { describe: 'Directory whose sources.yaml says how old the newest event may be', argument: 'DIR', parse: parseText, default: 'queries' },
      sealAfter: { ...MAINTENANCE.sealAfter, describe: 'An hour is sealed when its end is this much older than the newest event, or when no file has come to it for so long' },
      json: { describe: 'Print one JSON object' },
    },
  },
  runs: {
    name: 'sluice runs',
    brief: 'List the last runs of periodic',
    summary: 'List the last runs of periodic, the newest first: when, how long, models, events, what changed.',
    epilogue: 'Each run is a file of JSON in STATE/runs, with versions of the SQL and the digest of the files it saw; the last 1,000 are kept.',
    options: {
      state: PLACES.state,
      model: { describe: 'Only the runs of this model', argument: 'NAME', parse: parseText },
      limit: { describe: 'Show so many of them', argument: 'N', parse: parseCount(1), default: '20' },
      json: { describe: 'Print one JSON object per run' },
    },
  },
  docs: {
    name: 'sluice docs',
    brief: 'Write a page about the models: lineage, columns, results, runs',
    summary: 'Write a page about the models: lineage, columns, results, runs, as one HTML file that needs no server.',
    epilogue: 'Prints the path of the page. Reads what is there and runs no model. Results may hold words of strangers: they stand in it as text, and nothing in it is fetched or run.',
    options: {
      ...PLACES,
      ...QUERIES,
      ...METRICS,
      output: { describe: 'File to write (default: docs.html in the directory of state)', argument: 'FILE', parse: parseText },
    },
  },
  views: {
    name: 'sluice views',
    brief: 'Give the lake and its models as views to DuckDB in other programs',
    summary: 'Print the lake and its models as views for DuckDB, or write a DuckDB file that holds these views.',
    epilogue: [
      'FILE holds no data: its views read the lake whenever they are asked. DuckDB 1.4 to 2.0 opens it, from any directory: in Python, R, harlequin, '
        + 'the DuckDB UI. Views are those of the queries as they are now: run this again after an edit. What is wrong with a model is said on stderr, '
        + 'and the model is left out.',
      '',
      'sluice views lake.duckdb                        then: duckdb lake.duckdb, or duckdb.connect("lake.duckdb")',
      'sluice views --relative > queries/lake.sql      for duckdb -init queries/lake.sql, after a model was added',
      '',
      'Exit codes: 0, 1 some models are left out, 2 usage, 74 the lake cannot be read or has no file.',
    ].join('\n'),
    positional: 'FILE',
    options: {
      lake: PLACES.lake,
      ...QUERIES,
      relative: { describe: 'Print what the DuckDB shell reads in this directory: paths as they are given, texts of models read at its start' },
    },
  },
  upgrade: {
    name: 'sluice upgrade',
    brief: 'Write files of older versions in the current format',
    summary: 'Write files of older versions in the current format.',
    epilogue: [
      'Goes hour by hour, as compaction does: queries that run meanwhile see each event once, and writers go on. It can be stopped or killed at any '
      + 'time, and run again. Files of older versions are read as they are: nothing has to be upgraded.',
      'Exit codes: 0 all files are of the current format, 1 some were left, 2 usage, 74 the lake cannot be read or written, 75 a periodic is running.',
    ].join('\n'),
    options: {
      ...PLACES,
      targetSize: MAINTENANCE.targetSize,
      grace: { ...MAINTENANCE.grace, describe: 'Leave the old files of an hour to queries that still read them for this long' },
      dryRun: { describe: 'Print what would be done; write nothing' },
    },
  },
  fsck: {
    name: 'sluice fsck',
    brief: 'Check that lake and state are as they should be, and repair them',
    summary: 'Check that lake and state are as they should be, and repair them.',
    epilogue: [
      'Exit codes: 0 no errors (warnings may be), 1 errors, 2 usage, 75 --repair while a periodic is running.',
      'With --repair, what is left after it counts.',
    ].join('\n'),
    options: {
      ...PLACES,
      quick: { describe: 'Look at names and footers only: no event is read, so none is found to be repeated or misplaced' },
      repair: { describe: 'Put right what is wrong; what is in the way is moved to STATE/quarantine, nothing is deleted' },
      timezone: { describe: 'With --repair: time zone of timestamps that name none, in what dead writers left', parse: parseZone, default: 'UTC' },
      grace: { ...MAINTENANCE.grace, describe: 'With --repair: leave what compaction replaced to queries that still read it for this long' },
      json: { describe: 'Print one JSON object per finding, then one for the summary' },
    },
  },
  check: {
    name: 'sluice check',
    brief: 'Check the models without a lake: for CI and before a commit',
    summary: 'Check the models without a lake: for CI and before a commit.',
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
    options: {
      ...QUERIES,
      select: { describe: 'Only these models (see below)', argument: 'SELECTORS', parse: parseSelectors },
      fix: { describe: 'Format the files that are not formatted; nothing else is ever written' },
      json: { describe: 'Print one JSON object per finding, then one for the summary' },
    },
  },
  init: {
    name: 'sluice init',
    brief: 'Make a directory of your own, with the shipped models to start from',
    summary: 'Write queries/, sluice.yaml and README.md to a directory, by default this one, and never over what is there.',
    epilogue: 'queries/ is a copy of the shipped models, to change as you like. In sluice.yaml every option of every command is commented.',
    positional: 'DIR',
    options: {},
  },
  completion: {
    name: 'sluice completion',
    brief: 'Print a script that completes commands and options in the shell',
    summary: 'Print a script that completes commands, options and their values, by default for the shell in $SHELL.',
    epilogue: 'bash: source <(sluice completion bash), in ~/.bashrc\nzsh:  source <(sluice completion zsh), in ~/.zshrc, after compinit',
    positional: 'bash|zsh',
    options: {},
  },
} satisfies Record<string, Subcommand>
