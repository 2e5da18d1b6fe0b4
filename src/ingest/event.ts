import { items, kindOf, members, textOf, whyNotJson } from './json.ts'
import type { Fault } from './reasons.ts'
import { fault, REASONS } from './reasons.ts'
import { restOf } from './rest.ts'
import { BODIES, HELD, WITH_URI } from './shape.ts'
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

/** As in SQL: of the years 1 to 9999, which every reader of timestamps knows. */
const FIRST_CREATED = BigInt(Date.parse('0001-01-01T00:00:00Z')) * 1000n
const LAST_CREATED = BigInt(Date.parse('9999-12-31T23:59:59.999Z')) * 1000n + 999n

/**
 * Gives the event of a line, or why it is none: what `carefulSteps` does in SQL, with the same result, but that
 * - numbers in `rest` and `extra` stay as they were written, where DuckDB writes fractions anew: 1e3 as 1000.0, 20 digits as 17, -0 as 0;
 * - the times that `timeParser` leaves out are no times.
 */
export function eventReader(options: { now: number; timezone: string }): (line: string) => Event | Fault {
  const latest = BigInt(options.now) * 1000n + DAY
  const parseTime = timeParser(options.timezone)

  function faultOf({ time, claimed, did, kind, action, path }: Mapped): Fault | undefined {
    if (claimed === null) return fault(REASONS.missingTime)
    if (time === undefined) return fault(REASONS.notTimestamp, claimed)
    if (time < EARLIEST || time > latest) return fault(REASONS.timeOutOfRange, claimed)
    if (did === null || did === '') return fault(REASONS.missingUser)
    if (kind === null || kind === '') return fault(REASONS.missingKind)
    if (kind !== 'commit') return undefined
    if (action === null) return fault(REASONS.missingAction)
    if (!['create', 'update', 'delete'].includes(action)) return fault(REASONS.unknownAction, action)
    return path === null || !/^[^/]+\/[^/]+$/.test(path) ? fault(REASONS.badPath, path) : undefined
  }

  return (line) => {
    const reason = whyNotJson(line)
    if (reason !== undefined) return fault(reason)
    const top = members(line)
    if (!top) return fault(REASONS.notObject, kindOf(line))
    const parts = [top, ...['commit', 'payload'].map((key) => members(reader(top)(key) ?? '') ?? [])]
    if (parts.some((fields) => new Map(fields).size < fields.length)) return fault(REASONS.duplicateKey)
    const mapped = map(top, parseTime)
    const wrong = faultOf(mapped)
    if (wrong !== undefined) return wrong
    const { time, kind, action, did, path, cid, rev, record } = mapped
    const slash = path === null ? -1 : path.indexOf('/')
    const fields = record === undefined ? undefined : members(record)
    const columns = typed(fields ?? [], path, parseTime)
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
function typed(fields: Fields, path: string | null, parseTime: ParseTime): Pick<Event, 'subject_uri' | 'text' | 'langs' | 'reply_parent' | 'created_at'> {
  const at = reader(fields)
  const inside = (object: string | undefined, key: string): string | undefined => reader((object && members(object)) || [])(key)
  const createdAt = textOf(at('createdAt'))
  const created = createdAt === null ? undefined : parseTime(createdAt)
  const langs = at('langs')
  return {
    subject_uri: subjectOf(at, path),
    text: textOf(at('text')),
    langs: langs === undefined ? null : (items(langs)?.map(textOf) ?? null),
    reply_parent: textOf(inside(inside(at('reply'), 'parent'), 'uri')),
    created_at: created === undefined || created < FIRST_CREATED || created > LAST_CREATED ? null : created,
  }
}

/** What a record points at. A text that looks like an object is no subject. */
function subjectOf(at: (key: string) => string | undefined, path: string | null): string | null {
  const subject = at('subject')
  const text = textOf(subject)
  if (subject === undefined || text === null) {
    const uri = WITH_URI.some((collection) => path?.startsWith(`${collection}/`)) ? textOf(at('uri')) : null
    return uri?.startsWith('at://') ? uri : null
  }
  if (subject.startsWith('{')) return textOf(reader(members(subject) ?? [])('uri'))
  return text.startsWith('{') ? null : text
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
