import type { Past } from '../check/runs.ts'
import { showPasts, showRuns } from '../check/runs.ts'
import { SLUICE } from '../commands/sluice.ts'
import { EXIT, Failure } from '../failure.ts'
import { keyOf } from '../query/models.ts'
import { runs } from '../query/record.ts'
import { main } from './main.ts'
import { print } from './stdio.ts'

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.runs,
    async ({ state, model, limit, json }) => {
      // One more than is shown, to tell what is new in the last of them.
      if (model === undefined) {
        const kept = await take(runs(state), limit + 1)
        if (json) for (const record of kept.slice(0, limit)) print(`${JSON.stringify(record)}\n`)
        else print(kept.length === 0 ? 'no run is on record\n' : showRuns(kept, limit))
        return
      }
      const kept = await take(pastsOf(state, model), limit + 1)
      if (kept.length === 0) throw new Failure(`expected --model to name a model that has run, got \`${model}\`; see 'periodic --dry-run'`, EXIT.usage)
      if (!json) print(showPasts(kept, limit))
      else for (const past of kept.slice(0, limit)) print(`${JSON.stringify({ start: past.run.start, end: past.run.end, ...past.model })}\n`)
    },
    argv,
  )
}

async function* pastsOf(state: string, name: string): AsyncGenerator<Past> {
  for await (const run of runs(state)) {
    const model = run.models.find((one) => keyOf(one.name) === keyOf(name))
    if (model) yield { run, model }
  }
}

async function take<T>(values: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  for await (const value of values) {
    taken.push(value)
    if (taken.length === count) break
  }
  return taken
}
