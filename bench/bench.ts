import { cpus, totalmem, type } from 'node:os'
import { main } from '../src/bin/main.ts'
import { openEngine } from '../src/duckdb.ts'
import { parseCount } from '../src/quantity.ts'
import type { Scenario, Sizes } from './context.ts'
import { withBench } from './context.ts'
import { compaction } from './scenarios/compaction.ts'
import { durability } from './scenarios/durability.ts'
import { dbt } from './scenarios/dbt.ts'
import { hours } from './scenarios/hours.ts'
import { ingest } from './scenarios/ingest.ts'
import { jsonbench } from './scenarios/jsonbench.ts'
import { live } from './scenarios/live.ts'
import { memory } from './scenarios/memory.ts'
import { micro } from './scenarios/micro.ts'
import { periodic } from './scenarios/periodic.ts'
import type { Row } from './table.ts'
import { markdown } from './table.ts'

const SCENARIOS: Scenario[] = [ingest, durability, memory, live, compaction, periodic, hours, dbt, jsonbench, micro]

const FULL: Sizes = { events: 10_000_000, long: 20_000_000, live: 60, rounds: 5, histories: [1_000_000, 10_000_000, 50_000_000] }
const QUICK: Sizes = { events: 400_000, long: 1_000_000, live: 25, rounds: 3, histories: [200_000] }

const NAMES = SCENARIOS.map(({ name }) => name).join(', ')

const OPTIONS = {
  quick: { describe: 'Small sizes: a look in a few minutes, not figures to publish' },
  only: { describe: `Only these, separated by commas: ${NAMES}`, argument: 'NAMES', parse: parseScenarios },
  events: { describe: 'Lines of the main input (10,000,000, about 5 GB; quick 400,000)', argument: 'N', parse: parseCount(1000) },
  long: { describe: 'Lines of the long stream of the memory part (20,000,000; quick 1,000,000)', argument: 'N', parse: parseCount(1000) },
  rounds: { describe: 'Rounds of the ingest, dbt and jsonbench parts (5; quick 3)', argument: 'N', parse: parseCount(1) },
  histories: { describe: 'Events of the histories of the dbt part (1000000,10000000,50000000; quick 200000)', argument: 'N,N', parse: parseCounts },
}

await main(
  {
    name: 'bench',
    summary: 'Measures whole processes against other ways, all in this run, and prints one table as Markdown.',
    epilogue: [
      'Example: npm run bench -- --quick --only ingest,live',
      '',
      ...SCENARIOS.map(({ name, describe }) => `${name}: ${describe}`),
    ].join('\n'),
    options: OPTIONS,
  },
  async ({ quick, only, events, long, rounds, histories }) => {
    const defaults = quick ? QUICK : FULL
    const given = { events, long, rounds, histories }
    const sizes = { ...defaults, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
    const began = performance.now()
    const say = (text: string): void => void process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}\n`)
    const rows = await withBench({ sizes, quick, say }, async (bench) => {
      const rows: Row[] = []
      for (const scenario of only ?? SCENARIOS) {
        say(`${scenario.name}: ${scenario.describe}`)
        try {
          rows.push(...(await scenario.run(bench)))
        } catch (error) {
          // The other parts took minutes: their figures are not lost with this one's.
          say(`${scenario.name} failed: ${(error as Error).message}`)
          process.exitCode = 1
        }
      }
      return rows
    })
    // Goals are about full sizes.
    process.stdout.write(`${await heading(quick)}\n\n${markdown(quick ? rows.map(({ goal: _, ...row }) => row) : rows)}`)
  },
)

/** Date and machine, without which no figure means anything. */
async function heading(quick: boolean): Promise<string> {
  const engine = await openEngine()
  const session = await engine.connect()
  const [duckdb] = await session.rows<{ version: string }>('SELECT version() AS version')
  session.close()
  engine.close()
  const [cpu] = cpus()
  return [
    `${new Date().toISOString().slice(0, 10)}${quick ? ', quick sizes' : ''}`,
    `${cpu?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()}`,
    `Node ${process.versions.node}, DuckDB ${duckdb?.version}`,
  ].join('; ')
}

function parseCounts(text: string): number[] {
  return text.split(',').map(parseCount(1000))
}

function parseScenarios(text: string): Scenario[] {
  return text.split(',').map((name) => {
    const scenario = SCENARIOS.find((one) => one.name === name.trim())
    if (!scenario) throw new Error(`names from ${NAMES}`)
    return scenario
  })
}
