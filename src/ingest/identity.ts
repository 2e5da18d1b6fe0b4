import type { Event } from './event.ts'
import { members, textOf } from './json.ts'

/** The fields that tell one event from another. */
export type Identified = Pick<Event, 'event_time' | 'kind' | 'action' | 'did' | 'collection' | 'rkey' | 'cid' | 'rev' | 'rest' | 'extra'>

/** Stand between the fields of an identity; no UTF-16 code unit is one of them. */
const END = 0x10000
const NULL = 0x10001

/** What makes each event the same as another, 64 bits in two words: as `IDENTITY` in SQL, but another hash. */
export function identify(events: readonly Identified[]): Uint32Array {
  const hashes = new Uint32Array(2 * events.length)
  for (const [row, event] of events.entries()) identifyOne(event, row, hashes)
  return hashes
}

function identifyOne(event: Identified, row: number, into: Uint32Array): void {
  const { did, kind, collection, rkey, action, rev, cid } = event
  let a = 0x243f6a88
  let b = 0x85a308d3
  const add = (unit: number): void => {
    // The two halves feed each other, so that the state has 64 bits at every step.
    a = Math.imul((a << 5) | (a >>> 27), 0x9e3779b1) ^ unit ^ b
    b = Math.imul((b << 11) | (b >>> 21), 0x85ebca77) + a
  }
  for (const field of [did, kind, collection, rkey, action, rev ?? cid ?? seqOf(event) ?? String(event.event_time)]) {
    if (field === null) add(NULL)
    else {
      for (let at = 0; at < field.length; at++) add(field.charCodeAt(at))
      add(END)
    }
  }
  for (let round = 0; round < 4; round++) add(0)
  into[2 * row] = a
  into[2 * row + 1] = b
}

/** As `SEQ` in SQL. */
function seqOf({ kind, rest, extra }: Identified): string | null {
  if (kind === 'commit') return null
  const at = (object: string | null): string | null => textOf(((object && members(object)) || []).find(([key]) => key === 'seq')?.[1])
  return at(rest) ?? at(extra)
}
