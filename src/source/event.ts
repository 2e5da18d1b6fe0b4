import { formatMicros, parseMicros } from './instant.ts'

/** One event of a Jetstream server, understood. */
export interface StreamEvent {
  is: 'event'
  /** As bluesky prints it, with its line break. */
  line: string
  /** Event time, Unix µs. */
  micros: number
  /** Equal for two copies of one event, from whatever host and after whatever reconnect. */
  identity: string
  /** Protocol v2: position in its host's stream. */
  seq: number | undefined
}

/** Protocol v2: an advisory of the server (`info`), or why it is about to close (`error`). */
export interface Remark {
  is: 'info' | 'error'
  name: string
  text: string
}

export type Message = StreamEvent | Remark

type Json = Record<string, unknown>

/** Top-level keys of a line, in order; nothing else may take their names. */
const KEYS = new Set(['timestamp', 'action', 'path', 'cid', 'record', 'repo', 'rev', 'time_us', 'kind'])
const COMMIT_KEYS = new Set(['rev', 'operation', 'collection', 'rkey', 'record', 'cid'])

/** Reads a message of protocol v1 or v2; undefined for anything else. Pure. */
export function readMessage(text: string): Message | undefined {
  const [json, restore] = parseExactly(text)
  if (!isObject(json)) return undefined
  if (typeof json['$type'] === 'string') {
    if (json['$type'] === 'error') return { is: 'error', name: textOf(json['error']), text: textOf(json['message']) }
    const payload = json['payload']
    return json['$type'] === 'message' && isObject(payload) ? readV2(payload, restore) : undefined
  }
  const { did, time_us: micros, kind, ...rest } = json
  if (typeof kind !== 'string' || typeof micros !== 'number') return undefined
  const { [kind]: body, ...extra } = rest
  if (kind !== 'commit') return readOther(did, micros, kind, body, extra, restore)
  if (!isObject(body)) return undefined
  const unknown = Object.entries(body).filter(([key]) => !COMMIT_KEYS.has(key))
  return readCommit(did, micros, body, { ...extra, ...Object.fromEntries(unknown) }, restore)
}

function readV2(payload: Json, restore: Restore): Message | undefined {
  const { $type: type, did, time, ...rest } = payload
  const kind = typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : ''
  if (kind === 'info') return { is: 'info', name: textOf(payload['name']), text: textOf(payload['message']) }
  const micros = typeof time === 'string' ? parseMicros(time) : undefined
  if (micros === undefined || kind === '' || !isCount(rest['seq'])) return undefined
  if (kind === 'commit') {
    const { rev, operation, collection, rkey, record, cid, ...extra } = rest
    return readCommit(did, micros, { rev, operation, collection, rkey, record, cid }, extra, restore)
  }
  const { [kind]: body, ...extra } = rest
  return readOther(did, micros, kind, body, extra, restore)
}

function readCommit(did: unknown, micros: number, commit: Json, extra: Json, restore: Restore): Message | undefined {
  const { rev = null, operation, collection, rkey, record = null, cid = null } = commit
  if (typeof did !== 'string' || typeof operation !== 'string') return undefined
  if (typeof collection !== 'string' || typeof rkey !== 'string') return undefined
  if (!isCount(micros) || !isTextOrNull(rev) || !isTextOrNull(cid)) return undefined
  const path = `${collection}/${rkey}`
  const line = { timestamp: formatMicros(micros), action: operation, path, cid, record, repo: did, rev, time_us: micros, kind: 'commit' }
  return print(line, extra, micros, `${did} ${path} ${operation} ${rev ?? cid}`, restore)
}

/** Identity, account and sync events, and kinds to come. */
function readOther(did: unknown, micros: number, kind: string, body: unknown, extra: Json, restore: Restore): Message | undefined {
  if (typeof did !== 'string' || !isCount(micros)) return undefined
  const nothing = { action: null, path: null, cid: null }
  const line = { timestamp: formatMicros(micros), ...nothing, record: body ?? null, repo: did, rev: null, time_us: micros, kind }
  // Every host has its own time_us; the relay's seq in the body is the same everywhere.
  const seq = isObject(body) && isCount(body['seq']) ? `seq ${body['seq']}` : micros
  return print(line, extra, micros, `${did} ${kind} ${seq}`, restore)
}

function print(line: Json, extra: Json, micros: number, identity: string, restore: Restore): Message {
  for (const [key, value] of Object.entries(extra)) line[KEYS.has(key) ? `server_${key}` : key] = value
  const seq = extra['seq']
  return { is: 'event', line: `${restore(JSON.stringify(line))}\n`, micros, identity, seq: isCount(seq) ? seq : undefined }
}

type Restore = (json: string) => string

const same: Restore = (json) => json

/** A number that a double may not hold as it is written: long, with a fraction or exponent, or a negative zero. */
const DOUBTFUL = /[:,[]\s*(?:-?(?:\d{17}|9\d{15}|\d+[.eE])|-0)/
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const MARKED = /"\\u0001([^"]*)"/g

/** JSON.parse, and what gives numbers their own spelling back in the JSON made of it: 9007199254740993 must not become …992. */
function parseExactly(text: string): [json: unknown, restore: Restore] {
  try {
    // A text that holds the mark already is left alone.
    const plain: unknown = JSON.parse(text)
    if (!DOUBTFUL.test(text) || text.includes('\\u0001')) return [plain, same]
    const marked = text.replace(TOKEN, (token) => (token[0] === '"' || String(Number(token)) === token ? token : `"\\u0001${token}"`))
    return [JSON.parse(marked), (json) => json.replace(MARKED, '$1')]
  } catch {
    return [undefined, same]
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
