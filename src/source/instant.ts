/** Instants as whole Unix microseconds (exact in a double until the year 2255) and as text. */

/** `2026-07-04T14:38:08.085434Z`: UTC, always 27 characters. */
export function formatMicros(micros: number): string {
  const second = Math.floor(micros / 1e6)
  return `${new Date(second * 1000).toISOString().slice(0, 19)}.${String(micros - second * 1e6).padStart(6, '0')}Z`
}

const INSTANT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/

/** Microseconds of an ISO 8601 instant, digits beyond the sixth cut; without a zone it is UTC. Undefined for any other text. */
export function parseMicros(text: string): number | undefined {
  const [, date, time, fraction = '', zone = 'Z'] = INSTANT.exec(text) ?? []
  if (date === undefined) return undefined
  const ms = Date.parse(`${date}T${time}${zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone}`)
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
}

/** Writes instants as bytes. Seconds are formatted once each; only a few are alive at a time. */
export interface InstantWriter {
  /** `2026-07-04T14:38:08.085434Z`, 27 bytes. */
  micros: (out: DataView, at: number, second: number, micro: number) => void
  /** `2026-07-04T14:38:08.085Z`, 24 bytes. */
  millis: (out: DataView, at: number, second: number, milli: number) => void
  /** `1783175888085434`, 16 bytes, from 2001-09-09 to 2286-11-20. */
  digits: (out: DataView, at: number, second: number, micro: number) => void
}

const Z = 90
/** Bytes kept of a second: 20 of date, time and dot, 10 digits, 2 spare. */
const KEPT = 32

export function createInstantWriter(): InstantWriter {
  /** `000` to `999`, each in a word whose last byte is 0. */
  const thousand = Int32Array.from({ length: 1000 }, (_, i) => Buffer.from(`${String(i).padStart(3, '0')}\0`).readInt32BE())
  const held = new Float64Array(8).fill(-1)
  const text = new DataView(new ArrayBuffer(8 * KEPT))

  const lookUp = (second: number): number => {
    const slot = second & 7
    if (held[slot] !== second) {
      held[slot] = second
      const digits = `${new Date(second * 1000).toISOString().slice(0, 20)}${String(second).padStart(10, '0')}`
      Buffer.from(text.buffer).write(digits, KEPT * slot, 'latin1')
    }
    return KEPT * slot
  }
  const dateTime = (out: DataView, at: number, second: number): void => {
    const from = lookUp(second)
    for (let i = 0; i < 20; i += 4) out.setInt32(at + i, text.getInt32(from + i))
  }
  return {
    micros: (out, at, second, micro) => {
      dateTime(out, at, second)
      const milli = (micro / 1000) | 0
      out.setInt32(at + 20, thousand[milli] as number)
      out.setInt32(at + 23, (thousand[micro - 1000 * milli] as number) | Z)
    },
    millis: (out, at, second, milli) => {
      dateTime(out, at, second)
      out.setInt32(at + 20, (thousand[milli] as number) | Z)
    },
    digits: (out, at, second, micro) => {
      const from = lookUp(second) + 20
      out.setInt32(at, text.getInt32(from))
      out.setInt32(at + 4, text.getInt32(from + 4))
      out.setInt16(at + 8, text.getInt16(from + 8))
      const milli = (micro / 1000) | 0
      out.setInt32(at + 10, thousand[milli] as number)
      const last = thousand[micro - 1000 * milli] as number
      out.setInt16(at + 13, last >> 16)
      out.setInt8(at + 15, last >> 8)
    },
  }
}
