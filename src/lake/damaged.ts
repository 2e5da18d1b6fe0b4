/** Members of the lake that cannot be read, or hold something else, by path; and why. */
export type Damaged = Map<string, string>

/** One sentence about a damaged file: what was expected, what came, what to do. */
export function describeDamage(file: string, reason: string): string {
  return `expected ${file} to be a complete Parquet file with the lake's columns, got: ${reason}; run 'sluice fsck --repair'`
}

/** `2 files of the lake are damaged: …; run 'sluice fsck --repair'`; empty where none is. */
export function describeDamaged(damaged: Damaged): string {
  if (damaged.size === 0) return ''
  const files = [...damaged.keys()].slice(0, 3).join(', ') + (damaged.size > 3 ? ', …' : '')
  return `${damaged.size} ${damaged.size === 1 ? 'file of the lake is' : 'files of the lake are'} damaged: ${files}; run 'sluice fsck --repair'`
}
