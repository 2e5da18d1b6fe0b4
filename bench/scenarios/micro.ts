import { createReadStream } from 'node:fs'
import { Bench as Tinybench } from 'tinybench'
import { createFramer } from '../../src/ingest/lines.ts'
import { add, createTable } from '../../src/ingest/identity-table.ts'
import { formatFile, formatWriter, HOUR_MS, parseFile } from '../../src/lake/names.ts'
import type { Bench, Scenario } from '../context.ts'
import { figure } from '../table.ts'

/** A pure part, run in this process. One call of `work` does `units` of what is counted. */
interface Part {
  what: string
  unit: string
  units: number
  work(): void
}

export const micro: Scenario = {
  name: 'micro',
  describe: 'pure parts of the ingest, in this process',
  async run(bench) {
    const parts = [await framing(bench), admission(), names()]
    const tinybench = new Tinybench({ time: bench.quick ? 500 : 2000 })
    for (const { what, work } of parts) tinybench.add(what, work)
    await tinybench.run()
    return parts.map(({ what, unit, units }) => {
      const result = tinybench.getTask(what)?.result
      if (!result || !('latency' in result)) return { what, result: 'failed' }
      const { p50, p99, min } = result.latency
      const rate = (ms: number): string => figure(units / (ms / 1000))
      return { what, input: `${result.latency.samplesCount} calls`, result: `${rate(p50)} ${unit}/s`, range: `${rate(p99)}–${rate(min)}` }
    })
  },
}

/** As ingest does it: 64 KiB at a time, and room for a segment. */
async function framing(bench: Bench): Promise<Part> {
  const chunks: Buffer[] = []
  for await (const chunk of createReadStream(await bench.input(bench.sizes.events), { end: 2 ** 24 - 1 })) chunks.push(chunk as Buffer)
  const room = { lines: 25_000, bytes: 32e6 }
  return {
    what: 'framing of lines',
    unit: 'MB',
    units: chunks.reduce((sum, chunk) => sum + chunk.length, 0) / 1e6,
    work() {
      const framer = createFramer()
      let lines = 0
      for (const chunk of chunks) for (const run of framer.push(chunk, () => room)) lines += run.lines
      for (const run of framer.end()) lines += run.lines
      if (lines === 0) throw new Error('expected lines')
    },
  }
}

/** Batches of the default size, into a table that is begun anew when it holds a million. */
function admission(): Part {
  const rows = 25_000
  const batches = Array.from({ length: 40 }, () => Uint32Array.from({ length: 2 * rows }, () => Math.random() * 2 ** 32))
  let table = createTable()
  let turn = 0
  return {
    what: 'admission of identities',
    unit: 'events',
    units: rows,
    work() {
      if (turn % batches.length === 0) table = createTable()
      const batch = batches[turn++ % batches.length] as (typeof batches)[number]
      const before = table.size
      for (let at = 0; at < batch.length; at += 2) add(table, batch[at] as number, batch[at + 1] as number)
      if (table.size - before < rows - 1) throw new Error('expected new identities')
    },
  }
}

function names(): Part {
  const writer = formatWriter(Date.now(), 0.5)
  const count = 1000
  return {
    what: 'formatting and parsing a file name',
    unit: 'names',
    units: count,
    work() {
      for (let sequence = 0; sequence < count; sequence++) {
        const path = formatFile({ hour: Math.floor(Date.now() / HOUR_MS), generation: 0, segment: { writer, sequence } })
        if (parseFile(path)?.segment?.sequence !== sequence) throw new Error(`expected ${path} to be read as written`)
      }
    },
  }
}
