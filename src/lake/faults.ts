import type { Call, Gate } from './disk.ts'
import { CALLS } from './disk.ts'
import type { Step } from './steps.ts'
import { STEPS } from './steps.ts'

/** One thing that goes wrong, once. */
export type Fault =
  /** The process is killed, or stopped until somebody lets it go on, before or after the nth system call of a step. */
  | { kind: 'kill' | 'stop'; side: 'before' | 'after'; step: Step; nth: number }
  /** The nth system call of this name fails, with this code. */
  | { kind: 'fail'; call: Call; nth: number; code: string }

/** Reads `kill@before:commit.rename#2`, `fail@rename#3:ENOSPC`, or several of them with commas between. */
export function parseFaults(text: string): Fault[] {
  return text.split(',').map((one) => {
    const [, kind, side, step = '', at] = /^(kill|stop)@(before|after):([^#]+)#(\d+)$/.exec(one) ?? []
    if (kind && step in STEPS) return { kind: kind as 'kill' | 'stop', side: side as 'before' | 'after', step: step as Step, nth: Number(at) }
    const [, name, nth, code = ''] = /^fail@(\w+)#(\d+):(E[A-Z]+)$/.exec(one) ?? []
    const call = CALLS.find((known) => known === name)
    if (call) return { kind: 'fail', call, nth: Number(nth), code }
    throw new Error(`expected a fault such as kill@before:commit.rename#1, stop@after:follow.link#1 or fail@fsync#2:EIO, got \`${one}\``)
  })
}

/** The gate of a disk on which these faults happen. `on.fault` is told just before each; `on.kill` does not return, `on.stop` returns when we go on. */
export function faultyGate(faults: readonly Fault[], on: { fault(fault: Fault): void; kill(): void; stop(): void }): Gate {
  return faults.map((fault) => gateOf(fault, on)).reduce(
    (outer, inner) => (call, step, act, half) => outer(call, step, () => inner(call, step, act, half), half),
  )
}

function gateOf(fault: Fault, on: Parameters<typeof faultyGate>[1]): Gate {
  let times = 0
  return (call, step, act, half) => {
    const hit = fault.kind === 'fail' ? fault.call === call : fault.step === step
    if (!hit || ++times !== fault.nth) return act()
    if (fault.kind === 'fail') {
      on.fault(fault)
      // A disk that is full takes what still fits.
      if (fault.code === 'ENOSPC') half?.()
      throw Object.assign(new Error(`${fault.code}: ${call}`), { code: fault.code, syscall: call })
    }
    const happen = (): void => {
      on.fault(fault)
      on[fault.kind]()
    }
    if (fault.side === 'before') happen()
    const done = act()
    if (fault.side === 'before') return done
    if (done instanceof Promise) return done.finally(happen) as typeof done
    happen()
    return done
  }
}

/** Inverse of {@link parseFaults}, of one. */
export function formatFault(fault: Fault): string {
  return fault.kind === 'fail' ? `fail@${fault.call}#${fault.nth}:${fault.code}` : `${fault.kind}@${fault.side}:${fault.step}#${fault.nth}`
}
