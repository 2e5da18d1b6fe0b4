import { Failure } from '../failure.ts'
import type { Damaged } from '../lake/damaged.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { AccumulateOptions, Lane } from './accumulate.ts'
import { accumulate, checkAdditive, Unkept } from './accumulate.ts'
import { Unreadable, unreadable, withoutRows } from './events.ts'
import { takeTurns } from './lanes.ts'
import type { Parsed } from './parse.ts'
import type { Step } from './plan.ts'
import type { Problem } from './problem.ts'
import type { Outcome, Sink } from './report.ts'
import { blame, statement } from './statement.ts'
import type { Verdict } from './verdict.ts'
import { refusal } from './verdict.ts'

export interface ActOptions {
  snapshot: Snapshot
  /** Files of it that are known to be damaged; what is found out is added. */
  damaged: Damaged
  parts: Parts | undefined
  functions: AccumulateOptions['functions']
  sink: Sink
  /** What a result's header says of it. */
  judged: (lane: Lane, model: Parsed) => Promise<Verdict[]>
  now: () => number
  signal: AbortSignal
}

/** Runs what is planned. What fails takes down only what needs it. */
export async function act(lanes: readonly Lane[], steps: readonly Step[], options: ActOptions): Promise<Outcome[]> {
  const bad = new Set<string>()
  /** The views that a model reads, directly or not; and these with itself, if it is one. */
  const below = new Map<string, Parsed[]>()
  const views = new Map<string, Parsed[]>()
  for (const { model, needs } of steps) {
    const read = [...new Set(needs.flatMap((need) => views.get(need) ?? []))]
    below.set(model.name, read)
    views.set(model.name, model.layer === 'staging' ? [...read, model] : [])
  }
  const tasks = steps.map((step) => ({ name: step.model.name, needs: step.needs, task: step }))
  const outcomes = await takeTurns(tasks, lanes, async ({ model, needs, selected, problem }, lane) => {
    if (options.signal.aborted) return undefined
    const because = needs.find((need) => bad.has(need))
    const outcome: Outcome | undefined = problem
      ? { model, ms: 0, status: 'failed', problem }
      : because !== undefined
        ? { model, ms: 0, status: 'skipped', because }
        : await actOn(lane, model, { ...options, published: model.layer === 'metrics' && selected, below: below.get(model.name) as Parsed[] })
    if (outcome?.status !== 'ok') bad.add(model.name)
    return outcome
  })
  return outcomes.filter((outcome) => outcome !== undefined)
}

/** One model: bound, looked at, published. Undefined where the run is interrupted. */
async function actOn(
  lane: Lane,
  model: Parsed,
  { snapshot, damaged, parts, functions, sink, judged, published: result, below, now, signal }: ActOptions & { published: boolean; below: readonly Parsed[] },
): Promise<Outcome | undefined> {
  const { session } = lane
  const start = now()
  let bound = false
  try {
    await bind(lane, model, below, parts, functions)
    bound = true
    const verdicts = result ? await judged(lane, model) : []
    if (signal.aborted) return undefined
    const refused = verdicts.filter(({ status }) => status === 'fail')
    if (refused.length > 0) return { model, ms: now() - start, status: 'failed', problem: refusal(refused), verdicts }
    const published = result ? await sink.publish(session, model) : undefined
    return { model, ms: now() - start, status: 'ok', published, verdicts }
  } catch (error) {
    if (signal.aborted) return undefined
    // What is computed cannot be kept; a sink that cannot publish one result can publish others.
    if (error instanceof Failure && !bound) throw error
    const failed = (problem: Problem): Outcome => ({ model, ms: now() - start, status: 'failed', problem })
    const lacking = error instanceof Unreadable ? error : await unreadable(session, snapshot.files, error, damaged)
    if (lacking) return failed({ file: model.file, message: `${lacking.message}; the last good result stays` })
    return failed(error instanceof Unkept ? error.problem : blame(model, below.map(({ name }) => name), error))
  }
}

type Parts = Omit<AccumulateOptions, 'functions'> & { versions: ReadonlyMap<string, string> }

/** Whether what parts of the stream say about it is kept. */
function isKept({ name, header }: Parsed, parts: Parts | undefined): parts is Parts {
  return parts?.versions.get(name) !== undefined && header.accumulates !== undefined
}

/** Binds a model's name: from all events at once, or where it accumulates, from what is kept and what is new. */
async function bind(lane: Lane, model: Parsed, below: readonly Parsed[], parts: Parts | undefined, functions: AccumulateOptions['functions']): Promise<void> {
  const { session } = lane
  if (isKept(model, parts)) return accumulate(lane, model, below, parts.versions.get(model.name) as string, { ...parts, functions })
  const create = (): Promise<void> => session.run(statement(model))
  await (model.layer === 'staging' ? withoutRows(session, create) : create())
  // What fails in a run over parts must not pass in one over the whole.
  if (model.header.accumulates) await checkAdditive(session, model, below, await functions(session))
}
