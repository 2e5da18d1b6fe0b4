import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Call } from '../../src/lake/disk.ts'
import { STEPS } from '../../src/lake/steps.ts'
import { random } from '../lines.ts'
import type { Bench } from './crash.ts'
import { openBench } from './crash.ts'
import type { Observed } from './drive.ts'
import { describe, inParallel, killAfter, killPoints, mustSuffer, observe, sample } from './drive.ts'
import { SCENARIOS } from './scenarios.ts'
import { countsOf, whatPowerLossCosts } from './trace.ts'

/** Another number gives another sample; `npm run test:faults` takes all of them. */
const chance = random(Number(process.env['SEED'] ?? 1))
const LANES = 2

let bench: Bench
let observed: Observed[]

before(async () => {
  bench = await openBench()
  observed = []
  const problems = await inParallel(SCENARIOS, { lanes: LANES, name: ({ name }) => name }, async (scenario) => void observed.push(await observe(bench, scenario)))
  assert.deepEqual(problems, [])
  observed.sort((a, b) => SCENARIOS.indexOf(a.scenario) - SCENARIOS.indexOf(b.scenario))
})

after(() => bench.close())

test('every step has a scenario that takes it', () => {
  for (const { scenario, trace } of observed) {
    const steps = countsOf(trace, 'step')
    assert.deepEqual(scenario.steps.filter((step) => !steps.has(step)), [], `steps that '${scenario.name}' does not take`)
  }
  const claimed = new Set<string>(SCENARIOS.flatMap(({ steps }) => steps))
  assert.deepEqual(Object.keys(STEPS).filter((step) => !claimed.has(step)), [], 'steps that no scenario is for')
})

test('what others rely on has been synced before, so that a power loss costs nothing', () => {
  const costs = observed.flatMap((one) => whatPowerLossCosts(one).map((cost) => `${one.scenario.name}: ${cost}`))
  assert.deepEqual(costs, [])
})

test('killed before or after a step, it is whole after the next run', async () => {
  const points = observed.flatMap((one) => killPoints(one, chance))
  assert.deepEqual(await inParallel(sample(points, 12, chance), { lanes: LANES, name: describe }, (point) => mustSuffer(bench, point)), [])
})

test('killed at any instant, it is whole after the next run', async () => {
  const instants = sample(observed, 4, chance).map(({ scenario, ms }) => ({ scenario, at: Math.round(chance() * ms) }))
  const name = ({ scenario, at }: (typeof instants)[number]): string => `${scenario.name}: ${at} ms`
  assert.deepEqual(await inParallel(instants, { lanes: LANES, name }, async ({ scenario, at }) => void (await killAfter(bench, scenario, at))), [])
})

test('where a system call fails, it ends with one sentence, and is whole after the next run', async () => {
  const calls = observed.flatMap(({ scenario, trace }) => [...countsOf(trace, 'call')].map(([call, count]) => ({ scenario, call, count })))
  // One of each call, and some others.
  const kinds = [...new Set(calls.map(({ call }) => call))].map((call: Call) => sample(calls.filter((one) => one.call === call), 1, chance)[0] as (typeof calls)[number])
  const codes = ['ENOSPC', 'EIO', 'EMFILE']
  const faults = [...kinds, ...sample(calls, 3, chance)].map(({ scenario, call, count }, n) => ({
    scenario,
    fault: `fail@${call}#${1 + Math.floor(chance() * count)}:${codes[n % codes.length]}`,
  }))
  const problems = await inParallel(faults, { lanes: LANES, name: describe }, (one) => mustSuffer(bench, one))
  assert.deepEqual(problems, [])
})
