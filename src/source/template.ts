const TID = 13
/** Behind `did:plc:`. */
const DID = 24
/** Behind `bafyrei` or `bafkrei`. */
const CID = 52

/** A line, or a part of one, whose variable places have a fixed width. In its text a place is `%` and its letter. */
export interface Template {
  /** The constant bytes; anything in the places. */
  bytes: Uint8Array
  /** Pairs: offset, letter's code. */
  places: Int32Array
}

/** Letters of places and how wide they are. */
export const PLACE_WIDTH = {
  /** Event time as `timestamp` writes it. */
  T: 27,
  /** Event time as `time_us` writes it. */
  U: 16,
  /** The acting user's DID. */
  R: DID,
  /** The commit's rev. */
  V: TID,
  /** The record's key. */
  K: TID,
  /** The record's CID. */
  C: CID,
  /** The client's createdAt, milliseconds. */
  A: 24,
  /** Target record: author's DID, key, CID. */
  D: DID,
  Q: TID,
  S: CID,
  /** A second target record: author's DID, key, CID. */
  E: DID,
  P: TID,
  W: CID,
  /** CID of a blob. */
  B: CID,
  /** Size of a blob, bytes. */
  Z: 6,
  /** The relay's sequence number. */
  N: 11,
} as const

export type Place = keyof typeof PLACE_WIDTH

export function compileTemplate(text: string): Template {
  const places: number[] = []
  let plain = ''
  let end = 0
  for (const match of text.matchAll(/%([A-Z])/g)) {
    plain += text.slice(end, match.index)
    end = match.index + 2
    const place = match[1] as Place
    places.push(Buffer.byteLength(plain), place.charCodeAt(0))
    plain += ' '.repeat(PLACE_WIDTH[place])
  }
  return { bytes: new Uint8Array(Buffer.from(plain + text.slice(end))), places: Int32Array.from(places) }
}
