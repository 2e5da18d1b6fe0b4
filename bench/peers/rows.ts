import { createInterface } from 'node:readline'

/** Columns of the events table, `extra` aside; times in microseconds. */
export interface Row {
  event_time: bigint
  kind: string
  action: string | null
  did: string
  collection: string | undefined
  rkey: string | undefined
  cid: string | null
  rev: string | null
  subject_uri: string | undefined
  subject_did: string | undefined
  text: string | undefined
  langs: string[] | undefined
  reply_parent: string | undefined
  created_at: bigint | undefined
  record: Fields | null
  ingested_at: bigint
}

interface Fields {
  subject?: string | { uri?: string }
  text?: string
  langs?: string[]
  reply?: { parent?: { uri?: string } }
  createdAt?: string
}

interface Line {
  path: string | null
  action: string | null
  cid: string | null
  record: Fields | null
  repo: string
  rev: string | null
  time_us: number
  kind: string
}

/** The rows of stdin, at most so many at a time: readline, JSON.parse, and the least that gives the columns, without any check. */
export async function* batches(size: number): AsyncGenerator<Row[]> {
  let rows: Row[] = []
  for await (const text of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    rows.push(rowOf(JSON.parse(text) as Line, BigInt(Date.now()) * 1000n))
    if (rows.length < size) continue
    yield rows
    rows = []
  }
  if (rows.length > 0) yield rows
}

function rowOf({ path, action, cid, record, repo, rev, time_us, kind }: Line, ingested_at: bigint): Row {
  const slash = path?.indexOf('/') ?? -1
  const subject_uri = typeof record?.subject === 'string' ? record.subject : record?.subject?.uri
  const created = Date.parse(record?.createdAt ?? '')
  return {
    event_time: BigInt(time_us),
    kind,
    action,
    did: repo,
    collection: path?.slice(0, slash),
    rkey: path?.slice(slash + 1),
    cid,
    rev,
    subject_uri,
    subject_did: subject_uri?.startsWith('at://') ? subject_uri.split('/', 3)[2] : subject_uri,
    text: record?.text,
    langs: record?.langs,
    reply_parent: record?.reply?.parent?.uri,
    created_at: Number.isNaN(created) ? undefined : BigInt(created) * 1000n,
    record,
    ingested_at,
  }
}
