import { hasHalfSurrogate, items, kindOf, members, textOf, whyNotJson } from './json.ts'
import { restOf } from './rest.ts'
import { BODIES, HELD } from './shape.ts'
import type { ParseTime } from './time.ts'
import { NEVER, timeParser } from './time.ts'

/** A row of EVENTS but for `ingested_at`. Times are µs since 1970, `rest` and `extra` minified JSON. */
export interface Event {
  event_time: bigint
  kind: string
  action: string | null
  did: string
  collection: string | null
  rkey: string | null
  cid: string | null
  rev: string | null
  subject_uri: string | null
  text: string | null
  langs: (string | null)[] | null
  reply_parent: string | null
  created_at: bigint | null
  rest: string | null
  extra: string | null
}

type Fields = [key: string, value: string][]

/** One of the three shapes, with its names taken off. */
interface Mapped {
  time: bigint | undefined
  /** The time as it came. */
  claimed: string | null
  kind: string | null
  action: string | null
  did: string | null
  path: string | null
  cid: string | null
  rev: string | null
  record: string | undefined
  rest: Fields
}

/** As in SQL: one absurd time must not create a partition. */
const EARLIEST = BigInt(Date.UTC(2020, 0, 1)) * 1000n
const DAY = 86_400_000_000n

/**
 * Gives the event of a line, or the reason why it is none: what `carefulSteps` does in SQL, with the same result, but that
 * - a line with trailing commas, NaN or Infinity is not JSON here, and JSON to DuckDB;
 * - numbers in `rest` and `extra` stay as they were written, where DuckDB writes fractions anew: 1e3 as 1000.0, 20 digits as 17, -0 as 0;
 * - the times that `timeParser` leaves out are no times.
 */
export function eventReader(options: { now: number; timezone: string }): (line: string) => Event | string {
  const latest = BigInt(options.now) * 1000n + DAY
  const parseTime = timeParser(options.timezone)

  function reasonFor({ time, claimed, did, kind, action, path }: Mapped): string | undefined {
    if (claimed === null) return 'no time: expected timestamp, time_us or payload.time'
    if (time === undefined) return `not a time: ${Array.from(claimed.slice(0, 128)).slice(0, 64).join('')}`
    if (time < EARLIEST || time > latest) return 'time before 2020 or more than a day ahead'
    if (did === null || did === '') return 'no user: expected repo or did'
    if (kind === null || kind === '') return 'no kind'
    if (kind !== 'commit') return undefined
    if (action === null) return 'no action'
    if (!['create', 'update', 'delete'].includes(action)) return 'action is not create, update or delete'
    return path === null || !/^[^/]+\/[^/]+$/.test(path) ? 'path is not collection/rkey' : undefined
  }

  return (line) => {
    try {
      JSON.parse(line)
    } catch {
      return whyNotJson(line)
    }
    if (hasHalfSurrogate(line)) return 'not JSON: half of a surrogate pair'
    const top = members(line)
    if (!top) return `expected a JSON object, got ${kindOf(line)}`
    const parts = [top, ...['commit', 'payload'].map((key) => members(reader(top)(key) ?? '') ?? [])]
    if (parts.some((fields) => new Map(fields).size < fields.length)) return 'a key stands twice'
    const mapped = map(top, parseTime)
    const reason = reasonFor(mapped)
    if (reason !== undefined) return reason
    const { time, kind, action, did, path, cid, rev, record } = mapped
    const slash = path === null ? -1 : path.indexOf('/')
    const fields = record === undefined ? undefined : members(record)
    const columns = typed(fields ?? [], parseTime)
    return {
      event_time: time as bigint,
      kind: kind as string,
      action,
      did: did as string,
      collection: path === null || slash < 0 ? path : path.slice(0, slash),
      rkey: path === null ? null : path.slice(slash + 1),
      cid,
      rev,
      ...columns,
      rest: record === undefined || record === 'null' ? null : restOf(record, fields, columns.created_at !== null),
      extra: extraOf(mapped.rest),
    }
  }
}

function map(top: Fields, parseTime: ParseTime): Mapped {
  const at = reader(top)
  const payload = at('payload')
  const time = (text: string | null): bigint | undefined => (text === null ? undefined : parseTime(text))
  if (textOf(at('$type')) === 'message' && payload !== undefined && payload !== 'null') {
    const inner = members(payload) ?? []
    const text = textReader(inner)
    const kind = text('$type') && ((text('$type') as string).split('#')[1] ?? '')
    const body = bodyOf(kind, BODIES.v2) ?? 'record'
    return {
      time: time(text('time')),
      claimed: text('time'),
      kind,
      action: text('operation'),
      did: text('did'),
      path: pathOf(text('collection'), text('rkey')),
      cid: text('cid'),
      rev: text('rev'),
      record: reader(inner)(body),
      rest: restOfFrame(without(top, ['$type', 'payload']), without(inner, ['$type', 'did', 'time', ...HELD.commit, body])),
    }
  }
  const text = textReader(top)
  if (text('did') !== null && text('repo') === null) {
    const commit = at('commit')
    const inner = commit === undefined ? undefined : members(commit)
    const of = textReader(inner ?? [])
    const kind = text('kind')
    const body = bodyOf(kind, BODIES.v1)
    const left = without(inner ?? [], [...HELD.commit, 'record'])
    const rest = without(top, ['did', 'time_us', 'kind', ...(body ? [body] : inner && left.length === 0 ? ['commit'] : [])])
    return {
      time: micros(text('time_us')),
      claimed: text('time_us'),
      kind,
      action: of('operation'),
      did: text('did'),
      path: pathOf(of('collection'), of('rkey')),
      cid: of('cid'),
      rev: of('rev'),
      record: body ? at(body) : reader(inner ?? [])('record'),
      rest: body || !inner ? rest : rest.map(([key, value]) => [key, key === 'commit' ? objectOf(left) : value]),
    }
  }
  const timestamp = text('timestamp')
  const claimed = timestamp ?? text('time_us')
  const event = timestamp === null ? micros(text('time_us')) : parseTime(timestamp)
  const same = timestamp === null || text('time_us') === null || (event !== undefined && integer(text('time_us') as string) === event)
  return {
    time: event,
    claimed,
    kind: text('kind') ?? 'commit',
    action: text('action'),
    did: text('repo'),
    path: text('path'),
    cid: text('cid'),
    rev: text('rev'),
    record: at('record'),
    rest: without(top, same ? [...HELD.plain, 'time_us'] : HELD.plain),
  }
}

/** The key of the body of a kind that has one of its own. */
function bodyOf(kind: string | null, bodies: readonly string[]): string | undefined {
  return bodies.find((body) => body === kind)
}

/** What the columns take out of a record. */
function typed(fields: Fields, parseTime: ParseTime): Pick<Event, 'subject_uri' | 'text' | 'langs' | 'reply_parent' | 'created_at'> {
  const at = reader(fields)
  const inside = (object: string | undefined, key: string): string | undefined => reader((object && members(object)) || [])(key)
  const subject = at('subject')
  const target = textOf(subject?.startsWith('{') ? inside(subject, 'uri') : subject)
  const subjectUri = subject?.startsWith('"{') ? null : target
  const createdAt = textOf(at('createdAt'))
  const created = createdAt === null ? undefined : parseTime(createdAt)
  const langs = at('langs')
  return {
    subject_uri: subjectUri,
    text: textOf(at('text')),
    langs: langs === undefined ? null : (items(langs)?.map(textOf) ?? null),
    reply_parent: textOf(inside(inside(at('reply'), 'parent'), 'uri')),
    created_at: created === undefined || created === NEVER || created === -NEVER ? null : created,
  }
}

/** The first value of a key, as DuckDB takes it. */
function reader(fields: Fields): (key: string) => string | undefined {
  return (key) => fields.find(([name]) => name === key)?.[1]
}

function textReader(fields: Fields): (key: string) => string | null {
  const at = reader(fields)
  return (key) => textOf(at(key))
}

function pathOf(collection: string | null, rkey: string | null): string | null {
  return collection === null || rkey === null ? null : `${collection}/${rkey}`
}

function without(fields: Fields, keys: readonly string[]): Fields {
  return fields.filter(([key]) => !keys.includes(key))
}

/** What is left of a frame: of its payload, and only where the envelope has more than that, both apart. */
function restOfFrame(envelope: Fields, payload: Fields): Fields {
  return envelope.length === 0 ? payload : [...envelope, ['payload', objectOf(payload)]]
}

function extraOf(rest: Fields): string | null {
  const held = rest.filter(([, value]) => value !== 'null').sort(([a], [b]) => (a < b ? -1 : 1))
  return held.length === 0 ? null : objectOf(held)
}

function objectOf(fields: Fields): string {
  return `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
}

function micros(text: string | null): bigint | undefined {
  const value = text === null ? undefined : integer(text)
  return value !== undefined && value < NEVER && value > -NEVER ? value : undefined
}

/** As DuckDB casts a text to BIGINT: fractions are rounded, away from zero at the half. */
function integer(text: string): bigint | undefined {
  const match = /^\s*([+-]?)(\d+)(?:\.(\d*))?\s*$/.exec(text)
  if (match) {
    const size = BigInt(match[2] as string) + ((match[3] ?? '') >= '5' ? 1n : 0n)
    return match[1] === '-' ? -size : size
  }
  const number = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : NaN
  return Math.abs(number) < 2 ** 63 ? BigInt(Math.round(number)) : undefined
}
