import { writeSync } from 'node:fs'
import type { Disk } from '../lake/disk.ts'
import { openDisk } from '../lake/disk.ts'
import { faultyGate, formatFault, parseFaults } from '../lake/faults.ts'

const wanted = process.env['SLUICE_FAULT'] ?? ''

/** The disk of this process. Tests ask for faults on it by SLUICE_FAULT; a line on stderr proves that one happened. */
export const disk: Disk = wanted === '' ? openDisk() : openDisk(faultyGate(parseFaults(wanted), {
  fault: (fault) => void writeSync(2, `fault: ${formatFault(fault)}\n`),
  kill: () => void process.kill(process.pid, 'SIGKILL'),
  trace: (traced) => void writeSync(2, `trace: ${JSON.stringify(traced)}\n`),
  stop: () => void process.kill(process.pid, 'SIGSTOP'),
}))
