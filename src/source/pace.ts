import type { Output } from './output.ts'
import type { Simulator } from './simulate.ts'

/** What keeps a stream to a wall clock; injected in tests. */
export interface Clock {
  /** Milliseconds, of any origin. */
  now: () => number
  /** Resolves after that time, or at once when the signal is or becomes aborted. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export const WALL_CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1))
      signal.addEventListener('abort', done)
    }),
}

/** Stream time that passes `speed` times as fast as the wall clock, from the first call on. */
export interface Pace {
  /** Stream time now, µs. */
  now: () => number
  /** Resolves when stream time has come to `micros`. */
  reach: (micros: number, signal: AbortSignal) => Promise<void>
}

/** Waits are at least this long, so that a fast stream is printed in batches. */
const TICK_MS = 20

export function createPace(start: number, speed: number, clock: Clock): Pace {
  const begun = clock.now()
  const now = (): number => start + (clock.now() - begun) * 1000 * speed
  return {
    now,
    reach: (micros, signal) => clock.sleep(Math.max(TICK_MS, (micros - now()) / 1000 / speed), signal),
  }
}

/** Large enough that a write costs nothing beside its bytes, small enough to stay in the second-level cache. */
const CHUNK_BYTES = 1 << 18

export interface SimulationLimits {
  /** Stream time at which it ends, µs. */
  until: number
  events: number
}

/** Prints a simulated stream, as fast as the reader takes it where there is no pace. One chunk is made while the last one is written. */
export async function printSimulation(
  simulator: Simulator,
  output: Output,
  { until, events }: SimulationLimits,
  pace: Pace | undefined,
  signal: AbortSignal,
): Promise<void> {
  let chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  let spare = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  let left = events
  let writing = Promise.resolve()
  while (left > 0 && !signal.aborted && simulator.due() < until) {
    const filled = simulator.fill(chunk, Math.min(until, pace?.now() ?? Infinity), left)
    left -= filled.events
    await writing
    if (filled.events === 0) {
      await pace?.reach(simulator.due(), signal)
      continue
    }
    writing = output.write(chunk.subarray(0, filled.bytes))
    // Awaited one turn later; until then a failure is nobody's.
    writing.catch(() => {})
    ;[chunk, spare] = [spare, chunk]
  }
  await writing
}
