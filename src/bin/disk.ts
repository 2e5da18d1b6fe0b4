import { writeSync } from 'node:fs'
import type { Disk } from '../lake/disk.ts'
import { openDisk } from '../lake/disk.ts'
import { faultyGate, parseFault } from '../lake/faults.ts'

const spec = process.env['SLUICE_FAULT']

/** The disk of this process. Tests ask for a fault on it by SLUICE_FAULT; a line on stderr proves that it happened. */
export const disk: Disk =
  spec === undefined || spec === ''
    ? openDisk()
    : openDisk(
        faultyGate(parseFault(spec), {
          fault: () => void writeSync(2, `fault: ${spec}\n`),
          kill: () => void process.kill(process.pid, 'SIGKILL'),
        }),
      )
