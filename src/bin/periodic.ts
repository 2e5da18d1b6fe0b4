import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PERIODIC } from '../commands/periodic.ts'
import { EXIT, Failure, messageOf } from '../failure.ts'
import { recover } from '../ingest/ingest.ts'
import { partedRows } from '../ingest/rest.ts'
import { pendingSegments } from '../ingest/wal.ts'
import type { Writer } from '../ingest/writer.ts'
import { describeDamaged } from '../lake/damaged.ts'
import { maintain } from '../lake/maintain.ts'
import { formatSegment, formatWriter } from '../lake/names.ts'
import { openLake } from '../lake/open.ts'
import { describeStrangers } from '../lake/snapshot.ts'
import type { LakePlace } from '../lake/trash.ts'
import { planLines, reportLines } from '../query/json.ts'
import { saveRun } from '../query/record.ts'
import type { Report } from '../query/report.ts'
import { planRun, run } from '../query/run.ts'
import type { Planned, Screen } from '../query/table.ts'
import { clean, explain, renderPlan, renderReport } from '../query/table.ts'
import { triggers } from '../query/watch.ts'
import { csvPath, openCsvSink } from '../sink/csv.ts'
import { disk } from './disk.ts'
import { main } from './main.ts'
import { onStdoutGone, print, tell } from './stdio.ts'

/** Bytes of files that one run merges, about 4 s of work: `watch -n 30` keeps its pace. */
const BUDGET = 512e6

/** A loop says after so long that it waits for another run, and ends after so long, ms. */
const QUIET = 2_000
const PATIENCE = 600_000

await main(
  PERIODIC,
  async ({ lake, state, queries, metrics, select, watch, every, full, dryRun, json, sealAfter, targetSize, keep, grace, yes }) => {
    if (dryRun) return showPlan(targeted(await planRun({ queries, select }), metrics), json)
    const stop = new AbortController()
    // Every run of a loop listens, one after another.
    setMaxListeners(0, stop.signal)
    const loop = watch || every !== undefined
    const once = async (): Promise<Report> => {
      const openSink = (scratch: string): ReturnType<typeof openCsvSink> => openCsvSink({ directory: metrics, scratch })
      const place = { lake, state, id: '', disk, now: Date.now }
      let trouble: unknown
      const report = await run({
        lake,
        state,
        queries,
        select,
        full,
        openSink,
        async before() {
          place.id = await openLake({ ...place, say })
          await recoverLogs(place)
        },
        // The results are out already: what goes wrong here is said below them.
        async upkeep(session, { newest, files }) {
          const pending = async (): Promise<Set<string>> => new Set((await pendingSegments(state)).map(formatSegment))
          const settings = { watermark: newest?.getTime(), sealAfter, targetBytes: targetSize, budget: BUDGET, keep, grace, yes, pending, part: partedRows, seen: files }
          return maintain(place, session, settings).catch((error: unknown) => void (trouble = error))
        },
        async record(record, scratch) {
          const whole = trouble === undefined ? record : { ...record, error: messageOf(trouble) }
          await saveRun(whole, { state, scratch, random: Math.random() }).catch((error: unknown) => void (trouble ??= error))
        },
        notice: say,
        now: Date.now,
        signal: stop.signal,
      })
      show(report, { json, loop })
      if (trouble !== undefined) throw trouble
      return report
    }
    if (!loop) {
      return verdict(await once())
    }
    let last: number | undefined
    let gone = false
    onStdoutGone(() => {
      gone = true
      stop.abort()
    })
    process.once('SIGINT', () => stop.abort())
    process.once('SIGTERM', () => stop.abort())
    process.once('SIGHUP', () => stop.abort())
    try {
      for await (const _ of triggers({ lake, watch, every, now: Date.now, signal: stop.signal })) await patiently(async () => void (last = verdict(await once())), stop.signal)
    } catch (error) {
      if (!stop.signal.aborted) throw error
    }
    return gone ? (last ?? 0) : 0
  },
)

function verdict({ outcomes }: Report): number {
  return outcomes.every(({ status }) => status === 'ok') ? 0 : EXIT.failed
}

async function recoverLogs(place: LakePlace): Promise<void> {
  let writer: Writer | undefined
  try {
    await recover({ ...place, say }, async () => {
      const { duckdbWriter } = await import('../ingest/convert.ts')
      const staging = join(place.state, 'staging', 'periodic')
      writer = await duckdbWriter({ compression: 'zstd', timezone: 'UTC', staging, name: formatWriter(Date.now(), Math.random()), disk })
      return writer
    })
  } finally {
    await writer?.close()
  }
}

/** A loop does not end because somebody runs periodic by hand: it waits for that run, and then runs. */
async function patiently(once: () => Promise<void>, signal: AbortSignal): Promise<void> {
  const began = performance.now()
  for (let told = false; ; await sleep(500, undefined, { signal })) {
    try {
      await once()
      return
    } catch (error) {
      const waited = performance.now() - began
      if (!(error instanceof Failure) || error.exitCode !== EXIT.busy || waited > PATIENCE) throw error
      if (waited < QUIET || told) continue
      told = true
      say(`waiting: ${error.message}`)
    }
  }
}

function say(sentence: string): void {
  tell(`periodic: ${sentence}\n`)
}

function show(report: Report, { json, loop }: { json: boolean; loop: boolean }): void {
  if (json) {
    print(reportLines(report))
    const { strangers = [], damaged = new Map(), outcomes } = report
    const said = [describeDamaged(damaged), describeStrangers(strangers)].filter((line) => line !== '').map((line) => `periodic: ${clean(line)}`)
    tell([...said, ...outcomes.flatMap(explain), ...(report.upkeep?.skipped ?? []).map(clean)].map((line) => `${line}\n`).join(''))
    return
  }
  const { table, errors } = renderReport(report, screen(loop), Date.now())
  print(loop && process.stdout.isTTY ? `\x1b[2J\x1b[H${table}` : table)
  tell(errors)
}

/** `watch` tells its size by variables, and takes two lines for its own heading. */
function screen(loop: boolean): Screen {
  const size = (text: string | undefined): number | undefined => (/^[1-9]\d*$/.test(text ?? '') ? Number(text) : undefined)
  const lines = size(process.env['LINES']) ?? (loop && process.stdout.isTTY ? process.stdout.rows : undefined)
  return {
    columns: size(process.env['COLUMNS']) ?? process.stdout.columns ?? 160,
    lines: lines === undefined ? Infinity : Math.max(1, lines - 2),
  }
}

function showPlan(planned: Planned, json: boolean): number {
  const { table, errors } = renderPlan(planned, screen(false))
  print(json ? planLines(planned) : table)
  tell(errors)
  return errors === '' ? 0 : EXIT.failed
}

function targeted({ steps, problems }: Awaited<ReturnType<typeof planRun>>, metrics: string): Planned {
  return { steps: steps.map((step) => ({ ...step, target: step.model.layer === 'metrics' && step.selected ? csvPath(metrics, step.model.name) : undefined })), problems }
}
