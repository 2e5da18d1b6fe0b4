/** Rows shown of each side. */
const SHOWN = 8

/** Where two CSV texts differ, for people: `-` is expected, `+` came; undefined where nothing does but how lines end. Pure. */
export function diffOf(expected: string, actual: string): string[] | undefined {
  const [wanted, got] = [linesOf(expected), linesOf(actual)]
  const shorter = Math.min(wanted.length, got.length)
  let head = 0
  while (head < shorter && wanted[head] === got[head]) head++
  if (head === wanted.length && head === got.length) return undefined
  let tail = 0
  while (tail < shorter - head && wanted.at(-1 - tail) === got.at(-1 - tail)) tail++
  const show = (sign: string, lines: readonly string[]): string[] => {
    const shown = lines.slice(0, SHOWN).map((line) => `${sign} ${line}`)
    return lines.length > SHOWN ? [...shown, `${sign} … ${lines.length - SHOWN} more`] : shown
  }
  const missing = wanted.slice(head, wanted.length - tail)
  const extra = got.slice(head, got.length - tail)
  return [`line ${head + 1}:`, ...show('-', missing), ...show('+', extra)]
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/)
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}
