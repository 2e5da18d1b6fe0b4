import type { Call, Gate } from './disk.ts'
import { CALLS } from './disk.ts'
import type { Step } from './steps.ts'
import { STEPS } from './steps.ts'

/** One thing that goes wrong, once. */
export type Fault =
  /** The process is killed, before or after the nth system call of a step. */
  | { kind: 'kill'; side: 'before' | 'after'; step: Step; nth: number }
  /** The nth system call of this name fails, with this code. */
  | { kind: 'fail'; call: Call; nth: number; code: string }

/** Reads `kill@before:commit.rename#2` or `fail@rename#3:ENOSPC`. */
export function parseFault(text: string): Fault {
  const kill = /^kill@(before|after):([^#]+)#(\d+)$/.exec(text)
  if (kill && (kill[2] as string) in STEPS) return { kind: 'kill', side: kill[1] as 'before' | 'after', step: kill[2] as Step, nth: Number(kill[3]) }
  const fail = /^fail@(\w+)#(\d+):(E[A-Z]+)$/.exec(text)
  const call = CALLS.find((name) => name === fail?.[1])
  if (fail && call) return { kind: 'fail', call, nth: Number(fail[2]), code: fail[3] as string }
  throw new Error(`expected a fault such as kill@before:commit.rename#1 or fail@fsync#2:EIO, got \`${text}\``)
}

/** The gate of a disk on which this fault happens; `on.fault` is told just before, and `on.kill` does not return. */
export function faultyGate(fault: Fault, on: { fault(): void; kill(): void }): Gate {
  let times = 0
  const die = (): void => {
    on.fault()
    on.kill()
  }
  return (call, step, act, half) => {
    const hit = fault.kind === 'kill' ? fault.step === step : fault.call === call
    if (!hit || ++times !== fault.nth) return act()
    if (fault.kind === 'fail') {
      on.fault()
      // A disk that is full takes what still fits.
      if (fault.code === 'ENOSPC') half?.()
      throw Object.assign(new Error(`${fault.code}: ${call}`), { code: fault.code, syscall: call })
    }
    if (fault.side === 'before') die()
    const done = act()
    if (done instanceof Promise) return done.finally(die) as typeof done
    die()
    return done
  }
}
