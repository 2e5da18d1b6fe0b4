import type { Session } from '../duckdb.ts'
import type { Damaged } from '../lake/damaged.ts'
import type { Upkeep } from '../lake/maintain.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Glance } from './contents.ts'
import type { Freshness } from './freshness.ts'
import type { Parsed } from './parse.ts'
import type { Problem } from './problem.ts'
import type { Verdict } from './verdict.ts'

/** A published result as the screen shows it. */
export interface Summary {
  rows: number
  columns: string[]
  /** The first row, as texts; absent where there is none. */
  top: string[] | undefined
}

export interface Published {
  /** Where it is now: a path, a key. */
  target: string
  changed: boolean
  now: Summary
  /** What was there before; undefined at the first time. */
  before: Summary | undefined
}

/** Writes one finished result somewhere, so that readers see all of the old one or all of the new one. */
export interface Sink {
  publish(session: Session, model: { name: string }): Promise<Published>
}

export type Outcome = { model: Pick<Parsed, 'name' | 'layer' | 'file'>; ms: number } & (
  /** `verdicts`: what came of the tests in its header. */
  | { status: 'ok'; published: Published | undefined; verdicts?: Verdict[] }
  | { status: 'failed'; problem: Problem; verdicts?: Verdict[] }
  | { status: 'skipped'; because: string }
)

export interface Report {
  start: Date
  ms: number
  lake: Glance
  /** What in the lake's directory has no name of the lake's; paths below it. */
  strangers?: readonly string[]
  /** Files of the lake that cannot be read. */
  damaged?: Damaged
  /** Of what is declared to have limits. */
  freshness?: Freshness[]
  outcomes: Outcome[]
  upkeep?: Upkeep | undefined
  origin?: Origin
}

/** What the results of a run were made from. */
export interface Origin {
  snapshot: Snapshot
  bytes: number
  versions: ReadonlyMap<string, string>
}
