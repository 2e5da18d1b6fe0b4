import type { Call, Gate, Operation } from './disk.ts'
import { CALLS } from './disk.ts'
import type { Step } from './steps.ts'
import { STEPS } from './steps.ts'

/** One thing that goes wrong, once; or nothing does, and every system call is told. */
export type Fault =
  | { kind: 'trace' }
  /** The process is killed, or stopped until somebody lets it go on, before or after the nth system call of a step. */
  | { kind: 'kill' | 'stop'; side: 'before' | 'after'; step: Step; nth: number }
  /** The nth system call of this name fails, with this code. */
  | { kind: 'fail'; call: Call; nth: number; code: string }

/** Of a trace: a system call begins, or has succeeded with what it gave. A call keeps its number. */
export type Traced = { n: number; begins: Operation } | { n: number; gave: unknown }

/** Reads `trace`, `kill@before:commit.rename#2`, `fail@rename#3:ENOSPC`, or several of them with commas between. */
export function parseFaults(text: string): Fault[] {
  return text.split(',').map((one) => {
    if (one === 'trace') return { kind: one }
    const [, kind, side, step = '', at] = /^(kill|stop)@(before|after):([^#]+)#(\d+)$/.exec(one) ?? []
    if (kind && step in STEPS) return { kind: kind as 'kill' | 'stop', side: side as 'before' | 'after', step: step as Step, nth: Number(at) }
    const [, name, nth, code = ''] = /^fail@(\w+)#(\d+):(E[A-Z]+)$/.exec(one) ?? []
    const call = CALLS.find((known) => known === name)
    if (call) return { kind: 'fail', call, nth: Number(nth), code }
    throw new Error(`expected trace or a fault such as kill@before:commit.rename#1, stop@after:follow.link#1 or fail@fsync#2:EIO, got \`${one}\``)
  })
}

/** What is done about faults. `fault` is told just before each; `kill` does not return, `stop` returns when we go on. */
export interface Effects {
  fault(fault: Fault): void
  kill(): void
  stop(): void
  trace(traced: Traced): void
}

/** The gate of a disk on which these faults happen. */
export function faultyGate(faults: readonly Fault[], on: Effects): Gate {
  return faults.map((fault) => gateOf(fault, on)).reduce(
    (outer, inner) => (operation, act, half) => outer(operation, () => inner(operation, act, half), half),
  )
}

function gateOf(fault: Fault, on: Effects): Gate {
  let times = 0
  if (fault.kind === 'trace') {
    return (begins, act) => {
      const n = ++times
      on.trace({ n, begins })
      const done = act()
      const tell = (gave: unknown): void => on.trace({ n, gave })
      if (done instanceof Promise) void done.then(tell, () => {})
      else tell(done)
      return done
    }
  }
  return (operation, act, half) => {
    const hit = fault.kind === 'fail' ? fault.call === operation.call : fault.step === operation.step
    if (!hit || ++times !== fault.nth) return act()
    if (fault.kind === 'fail') {
      on.fault(fault)
      // A disk that is full takes what still fits.
      if (fault.code === 'ENOSPC') half?.()
      throw Object.assign(new Error(`${fault.code}: ${fault.call}`), { code: fault.code, syscall: fault.call })
    }
    const happen = (): void => {
      on.fault(fault)
      on[fault.kind]()
    }
    if (fault.side === 'before') {
      happen()
      return act()
    }
    let done
    try {
      done = act()
    } catch (error) {
      happen()
      throw error
    }
    if (done instanceof Promise) return done.finally(happen) as typeof done
    happen()
    return done
  }
}

/** Inverse of {@link parseFaults}, of one. */
export function formatFault(fault: Fault): string {
  if (fault.kind === 'trace') return fault.kind
  return fault.kind === 'fail' ? `fail@${fault.call}#${fault.nth}:${fault.code}` : `${fault.kind}@${fault.side}:${fault.step}#${fault.nth}`
}
