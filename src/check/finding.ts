/** What `--repair` can do about a finding. Nothing is ever deleted but directories that are empty. */
export type Repair =
  /** Into the quarantine. */
  | 'move'
  /** Its rows go where they belong, as far as they are not there already; then the file goes into the quarantine. */
  | 'rewrite'
  /** Directory that holds nothing. */
  | 'remove-empty'
  /** What dead writers left in the WAL is converted. */
  | 'recover'
  /** What a killed compaction left is finished or undone. */
  | 'settle'
  /** Events of old files that compaction replaced go back into the lake, as far as they are not there; what was merged from them goes into the quarantine. */
  | 'restore'

export interface Finding {
  severity: 'error' | 'warning'
  /** Which check found it. */
  check: Check
  /** Below the lake or the state, with `/`. */
  path: string
  root: 'lake' | 'state'
  /** What is wrong. */
  what: string
  /** What to do. */
  do: string
  repair?: Repair
  /** Of what is to be moved: it is left alone if by then something else has its name. */
  inode?: number
  /** Its events are, or will be, in the lake without it. */
  elsewhere?: boolean
  /** Paths below the lake that the same repair takes care of. */
  with?: string[]
}

export type Check =
  | 'vanished' | 'format' | 'foreign'
  | 'stray' | 'symlink' | 'generation' | 'empty-directory' | 'parquet' | 'hash' | 'schema' | 'count' | 'statistics' | 'partition' | 'incomplete' | 'repeated'
  | 'filesystem' | 'wal' | 'staging' | 'rejected' | 'runs' | 'trash' | 'quarantine' | 'cache'

export const DO = {
  move: '--repair moves it to quarantine',
  rewrite: '--repair writes its rows where they belong and moves it to quarantine',
  'remove-empty': '--repair removes it while no writer is live',
  recover: 'the next handle-stream, periodic or --repair converts it',
  restore: '--repair puts their events back into the lake, from the files that were merged',
  settle: "the next periodic, 'sluice compact' or --repair settles it",
} satisfies Record<Repair, string>
