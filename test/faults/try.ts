import assert from 'node:assert/strict'
import { openBench } from './crash.ts'
import { act, mustSuffer } from './drive.ts'
import { SCENARIOS } from './scenarios.ts'
import { whatPowerLossCosts } from './trace.ts'

// One scenario with one fault, or with none and a look at the order of its system calls: `node dist/test/faults/try.js compaction trace`.
const [name, fault = 'trace'] = process.argv.slice(2)
const scenario = SCENARIOS.find((one) => one.name === name)
assert.ok(scenario, `expected one of ${SCENARIOS.map((one) => one.name).join(', ')}`)
const bench = await openBench()
try {
  if (fault === 'trace') {
    const { rest, ...observed } = await act(bench, scenario)
    assert.deepEqual(whatPowerLossCosts(observed), [])
    await rest()
  } else await mustSuffer(bench, { scenario, fault })
} finally {
  bench.close()
}
