import { writeSync } from 'node:fs'
import { codeOf } from '../failure.ts'
import type { Disk } from '../lake/disk.ts'
import { openDisk } from '../lake/disk.ts'
import { faultyGate, formatFault, parseFaults } from '../lake/faults.ts'

const wanted = process.env['SLUICE_FAULT'] ?? ''

/** The disk of this process. Tests ask for faults on it by SLUICE_FAULT; a line on stderr proves that one happened. */
export const disk: Disk = wanted === '' ? openDisk() : openDisk(faultyGate(parseFaults(wanted), {
  fault: (fault) => tell(`fault: ${formatFault(fault)}\n`),
  kill: () => void process.kill(process.pid, 'SIGKILL'),
  trace: (traced) => tell(`trace: ${JSON.stringify(traced)}\n`),
  stop: () => void process.kill(process.pid, 'SIGSTOP'),
}))

/** Before anything else happens, however slowly the other end reads: 280 short lines fill the socket that Node gives a child as stderr. */
function tell(line: string): void {
  for (let rest = Buffer.from(line); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(2, rest))
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}
