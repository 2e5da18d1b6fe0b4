import assert from 'node:assert/strict'
import { openBench } from './crash.ts'
import { mustSuffer, observe } from './drive.ts'
import { SCENARIOS } from './scenarios.ts'
import { whatPowerLossCosts } from './trace.ts'

// One scenario with one fault, or with none and a look at the order of its system calls: `node dist/test/faults/try.js compaction trace`.
const [name, fault = 'trace'] = process.argv.slice(2)
const scenario = SCENARIOS.find((one) => one.name === name)
assert.ok(scenario, `expected one of ${SCENARIOS.map((one) => one.name).join(', ')}`)
const bench = await openBench()
try {
  if (fault === 'trace') assert.deepEqual(whatPowerLossCosts((await observe(bench, scenario)).trace), [])
  else await mustSuffer(bench, { scenario, fault })
} finally {
  bench.close()
}
