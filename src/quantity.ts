/** Texts for durations, sizes and numbers, as options write them and as status lines show them. Every parser throws an Error whose message says what it expected. */

const MILLISECONDS: Record<string, number> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 }
const BYTES: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** `90s`, `1.5h` or a bare number of seconds, in milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim())
  if (!match) throw new Error('a duration such as 30s, 10m, 12h or 30d')
  return Number(match[1]) * (MILLISECONDS[match[2] ?? 's'] as number)
}

/** `256MB`, `64KiB` or a bare number of bytes, in bytes. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?$/.exec(text.trim())
  const bytes = match ? Math.floor(Number(match[1]) * (BYTES[match[2] ?? 'B'] as number)) : NaN
  if (!Number.isSafeInteger(bytes)) throw new Error('a size such as 64KB, 256MB or 1GiB')
  return bytes
}

export function parseCount(min: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text.trim()) ? Number(text) : NaN
    if (!Number.isSafeInteger(value) || value < min) throw new Error(`a whole number >= ${min}`)
    return value
  }
}

export function parsePositive(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : NaN
  if (!(value > 0)) throw new Error('a number > 0')
  return value
}

/** The parser has its `choices`. */
export function parseChoice<const T extends string>(...choices: readonly T[]): ((text: string) => T) & { choices: readonly T[] } {
  const parse = (text: string): T => {
    const choice = choices.find((c) => c === text)
    if (choice === undefined) throw new Error(`one of ${choices.join(', ')}`)
    return choice
  }
  return Object.assign(parse, { choices })
}

export function parseText(text: string): string {
  if (text === '') throw new Error('a text that is not empty')
  return text
}

export function parseZone(text: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone
  } catch {
    throw new Error('a time zone such as UTC or Europe/Berlin')
  }
}

/** Milliseconds as `1.2s`, `45s`, `3m20s`, `2h05m`, `3d`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 1) return `${Math.round(ms)}ms`
  if (seconds < 10) return `${seconds.toFixed(1)}s`
  if (seconds < 60) return `${Math.round(seconds)}s`
  const whole = Math.round(seconds)
  const two = (n: number): string => String(n).padStart(2, '0')
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`
  if (whole < 86400) return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`
  return `${Math.floor(whole / 86400)}d${two(Math.floor((whole % 86400) / 3600))}h`
}

/** Bytes as `512 B`, `3.4 MB`, powers of 1000. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1000 ** power).toFixed(1)} ${['', 'kB', 'MB', 'GB', 'TB'][power]}`
}

/** 1234567 as `1,234,567`. */
export function formatCount(count: number | bigint): string {
  return count.toString().replace(/\B(?=(\d{3})+$)/g, ',')
}
