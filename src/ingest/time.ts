/**
 * Times as DuckDB's cast to TIMESTAMPTZ reads them, in µs since 1970: ISO 8601 with `T` or spaces, year to microsecond (further
 * digits are dropped), offsets `Z`, `+05`, `+0530`, `+05:30`; without any, in the zone given here.
 * Left out, since no event has them: years before 0, hours of three digits, `12:30:` and `10:00+01:00:`.
 */
export type ParseTime = (text: string) => bigint | undefined

/** What `infinity` and `-infinity` are. */
export const NEVER = 2n ** 63n - 1n

const FORM =
  /^\s*(\d{1,6})([-/\\ ])(\d{1,2})\2(\d{1,2})(?:(?:T *| +)(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d*))?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)?)?)?\s*$/

const DAY = 86_400

export function timeParser(zone: string): ParseTime {
  const offset = offsets(zone)
  return (text) => {
    const match = FORM.exec(text)
    if (!match) return special(text)
    const [, year, , month, day, hour = '0', minute = '0', second = '0', fraction = '', utc, sign, hours, minutes = '0', seconds = '0'] = match
    const days = daysTo(Number(year), Number(month), Number(day))
    const inDay = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
    if (days === undefined || Number(minute) > 59 || Number(second) > 59) return undefined
    const micros = Number(fraction.slice(0, 6).padEnd(6, '0'))
    // 24:00:00 is the next day's 00:00:00.
    if (inDay > DAY || (inDay === DAY && micros > 0)) return undefined
    const wall = days * DAY + inDay
    let away = 0
    if (sign !== undefined) away = (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds))
    else if (utc === undefined) away = offset(wall)
    const time = BigInt(wall - away) * 1_000_000n + BigInt(micros)
    return time < NEVER ? time : undefined
  }
}

function special(text: string): bigint | undefined {
  switch (text.trim().toLowerCase()) {
    case 'epoch':
      return 0n
    case 'infinity':
      return NEVER
    case '-infinity':
      return -NEVER
  }
  return undefined
}

/** Days since 1970; undefined where there is no such day. Date's own years end before DuckDB's: 400 years are always as many days. */
function daysTo(year: number, month: number, day: number): number | undefined {
  const cycles = Math.floor(year / 400) - 5
  const date = new Date(Date.UTC(year - cycles * 400, month - 1, day))
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() / 1000 / DAY + cycles * 146_097 : undefined
}

/** Seconds east of UTC at a wall-clock time (seconds since 1970 as if it were UTC). */
type Offsets = (wall: number) => number

function offsets(zone: string): Offsets {
  if (zone === 'UTC') return () => 0
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
  /** By quarter of an hour, the finest that zones change at. */
  const known = new Map<number, number>()

  function at(time: number): number {
    const quarter = Math.max(-6e7, Math.min(9e9, Math.floor(time / 900)))
    let offset = known.get(quarter)
    if (offset === undefined) {
      // `GMT`, `GMT+05:45` or, before time zones, `GMT+05:41:16`.
      const [, sign, hours = 0, minutes = 0, seconds = 0] = /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(format.format(quarter * 900_000)) ?? []
      offset = (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds))
      if (known.size > 10_000) known.clear()
      known.set(quarter, offset)
    }
    return offset
  }

  return (wall) => {
    const before = at(wall - DAY)
    const after = at(wall + DAY)
    // Where the clock is set back a time comes twice: the later one is meant. Where it is set forward some never come.
    return before !== after && at(wall - after) === after ? after : before
  }
}
