import { basename, join } from 'node:path'
import { SLUICE } from '../commands/sluice.ts'
import { createPipeline } from '../ingest/ingest.ts'
import type { DeadLetter } from '../ingest/reject.ts'
import { bytesKept, reasons, rejectedFiles } from '../ingest/reject.ts'
import { count, emptyTally } from '../ingest/status.ts'
import { openWal, pendingSegments } from '../ingest/wal.ts'
import { acquireDirectory } from '../lake/lock.ts'
import { formatSegment, formatWriter } from '../lake/names.ts'
import { openLake } from '../lake/open.ts'
import { PRIVATE } from '../lake/private.ts'
import { printable } from '../printable.ts'
import { formatCount } from '../quantity.ts'
import { disk } from './disk.ts'
import { main } from './main.ts'
import { print, tell } from './stdio.ts'

type Settings = { lake: string; state: string; timezone: string }

export async function run(argv: readonly string[]): Promise<void> {
  await main(
    SLUICE.rejects,
    async (values) => (values.replay ? replay(values) : show(values.state, values.json)),
    argv,
  )
}

async function show(state: string, json: boolean): Promise<void> {
  const found = await reasons(state)
  for (const reason of found) {
    if (json) print(`${JSON.stringify(reason)}\n`)
    else {
      print(`${formatCount(reason.count).padStart(9)}  ${printable(reason.reason)}  (newest ${printable(reason.newest)})\n`)
      for (const letter of reason.samples) print(`           ${printable(letter.segment)} line ${letter.line}: ${sample(letter)}\n`)
    }
  }
  if (found.length === 0 && !json) print('no rejects\n')
}

/** The value at fault and the beginning of the line, as one may show them. */
function sample({ value, ...letter }: DeadLetter): string {
  const text = printable(bytesKept(letter).subarray(0, 400).toString('utf8'))
  const line = text.length > 90 ? `${text.slice(0, 89)}…` : text
  return value === undefined ? line : `\`${printable(value)}\` in ${line}`
}

async function replay({ lake, state, timezone }: Settings): Promise<void> {
  const id = await openLake({ lake, state, disk })
  await disk.makeDirectory(join(state, 'rejected'), 'places.make', PRIVATE)
  // One at a time: the second finds what the first has rejected again.
  const turn = await acquireDirectory(join(state, 'rejected'), { say: (sentence) => tell(`sluice rejects: ${sentence}\n`) })
  const found = await rejectedFiles(state)
  // As long as its segment is in a log, that may be rejected again into the same file.
  const pending = new Set((await pendingSegments(state)).map(formatSegment))
  const files = found.filter((path) => !pending.has(basename(path, '.ndjson')))
  const now = Date.now
  const tally = emptyTally()
  if (files.length > 0) {
    const { duckdbWriter } = await import('../ingest/convert.ts')
    await disk.makeDirectory(lake, 'places.make')
    await disk.makeDirectory(join(state, 'staging'), 'places.make', PRIVATE)
    const name = formatWriter(now(), Math.random())
    const wal = await openWal(state, { writer: name, disk, now: now(), durability: { kind: 'process' } })
    const writer = await duckdbWriter({ compression: 'zstd', timezone, staging: join(state, 'staging'), name, disk })
    const pipeline = createPipeline({ lake, state, id, disk, now }, writer, { report: (report) => count(tally, report), failure: () => {} })
    try {
      for (const file of files) await pipeline.push(await wal.adopt(file, now()))
      await pipeline.settled()
    } finally {
      await pipeline.settled().catch(() => {})
      await writer.close()
      await wal.close()
    }
  }
  turn.release()
  const { events, repeated, rejected } = tally
  print(`replayed ${formatCount(events + repeated + rejected)} lines: ${formatCount(events)} accepted, ${formatCount(repeated)} already there, ${formatCount(rejected)} rejected again\n`)
}
