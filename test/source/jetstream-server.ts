import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'

/** An event as the network knows it, before a server has given it its time_us and seq. */
export interface NetworkEvent {
  did: string
  kind: 'commit' | 'identity' | 'account' | 'sync'
  /** Of commits: rev, operation, collection, rkey, record, cid. Of others: the body. */
  body: Record<string, unknown>
}

/** How one connection goes, in order of arrival; connections beyond the last are served well. */
export interface Behaviour {
  /** Answers with this instead of accepting. */
  refuse?: { status: number; body: string }
  /** Serves nothing that happened before this, whatever the cursor, Unix µs; v2 says so. */
  floor?: number
  /** So many events before the one that the cursor stands for are sent first. */
  early?: number
  /** So many events are sent; then it does what `then` says. */
  events?: number
  /** `drop` cuts the connection (1006), a number closes it with that code, `silence` leaves it open and only pings. */
  then?: 'drop' | 'silence' | number | { send: string; close: boolean }
  /** Sent before each event. */
  noise?: readonly (string | Buffer)[]
}

export interface JetstreamServer {
  url: string
  /** The query of every connection, in order of arrival. */
  asked: URLSearchParams[]
  /** Bytes that the clients have not taken yet. */
  unsent: () => number
  /** What happened, with this server's own time and seq. */
  stamp: (index: number) => { micros: number; seq: number }
  close: () => Promise<void>
}

export interface ServerOptions {
  protocol: 'v1' | 'v2'
  events: readonly NetworkEvent[]
  /** Unix µs of the first event. */
  start: number
  /** µs between events. */
  step?: number
  /** Events before this index are replayed at once, the others come live, one a millisecond. */
  history?: number
  behaviours?: readonly Behaviour[]
}

/** time_us runs ahead and back by up to two steps, as the real servers' does. */
const SLOPPY = [0, 2, -1, 1, -2, 0, 0, 1]

/** A WebSocket server that speaks Jetstream v1 or v2 as their documents say, and misbehaves as told. */
export async function serveJetstream(options: ServerOptions): Promise<JetstreamServer> {
  const { protocol, events, start, step = 1000, history = Infinity, behaviours = [] } = options
  const http = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  const asked: URLSearchParams[] = []
  const stamp = (index: number): { micros: number; seq: number } => ({
    micros: start + index * step + (SLOPPY[index % SLOPPY.length] as number) * step,
    seq: 1000 + 3 * index,
  })
  /** Index of the first event that is sent for a cursor. */
  const begin = (cursor: string | null): number => {
    if (cursor === null) return Math.min(history, events.length)
    const value = Number(cursor)
    const bySeq = protocol === 'v2' && value < 1e15
    const index = events.findIndex((_, i) => (bySeq ? stamp(i).seq >= value : stamp(i).micros >= value))
    return index < 0 ? events.length : index
  }
  http.on('upgrade', (request: IncomingMessage, socket, head) => {
    const query = new URL(request.url ?? '', 'ws://localhost').searchParams
    const behaviour = behaviours[asked.length] ?? {}
    asked.push(query)
    if (behaviour.refuse) {
      const { status, body } = behaviour.refuse
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => void talk(client, query, behaviour))
  })
  const talk = async (client: WebSocket, query: URLSearchParams, behaviour: Behaviour): Promise<void> => {
    let from = begin(query.get('cursor'))
    if (query.has('cursor')) from = Math.max(0, from - (behaviour.early ?? 0))
    const { floor } = behaviour
    if (floor !== undefined && events[from] !== undefined && stamp(from).micros < floor) {
      from = events.findIndex((_, i) => stamp(i).micros >= floor)
      const info = { $type: `${LEXICON}#info`, name: 'OutdatedCursor', message: 'resumed later' }
      if (protocol === 'v2') client.send(JSON.stringify({ $type: 'message', payload: info }))
    }
    const until = Math.min(events.length, from + (behaviour.events ?? Infinity))
    for (let i = from; i < until; i++) {
      if (client.readyState !== WebSocket.OPEN) return
      if (i >= history) await new Promise((resolve) => setTimeout(resolve, 1))
      for (const noise of behaviour.noise ?? []) client.send(noise)
      client.send(frameOf(protocol, events[i] as NetworkEvent, stamp(i)))
    }
    const { then } = behaviour
    if (until === events.length || then === undefined) return
    // All that was sent has left for the client before it is cut off.
    await new Promise((resolve) => client.ping(undefined, undefined, resolve))
    await new Promise((resolve) => setTimeout(resolve, 50))
    if (then === 'drop') client.terminate()
    else if (then === 'silence') setInterval(() => client.readyState === WebSocket.OPEN && client.ping(), 20).unref()
    else if (typeof then === 'number') client.close(then, 'so it goes')
    else {
      client.send(then.send)
      if (then.close) client.close(1008)
    }
  }
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked,
    unsent: () => [...sockets.clients].reduce((sum, client) => sum + client.bufferedAmount, 0),
    stamp,
    close: async () => {
      for (const client of sockets.clients) client.terminate()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

const LEXICON = 'network.bsky.jetstream.subscribeEvents'

function frameOf(protocol: 'v1' | 'v2', { did, kind, body }: NetworkEvent, { micros, seq }: { micros: number; seq: number }): string {
  if (protocol === 'v1') return JSON.stringify({ did, time_us: micros, kind, [kind]: body })
  const fields = kind === 'commit' ? body : { [kind]: body }
  return JSON.stringify({ $type: 'message', payload: { $type: `${LEXICON}#${kind}`, seq, did, time: isoOf(micros), ...fields } })
}

function isoOf(micros: number): string {
  return new Date(micros / 1000).toISOString().replace(/\d{3}Z$/, `${String(micros % 1e6).padStart(6, '0')}Z`)
}

/** The line that bluesky should print for an event, written down once more from the contract. */
export function lineOf(protocol: 'v1' | 'v2', { did, kind, body }: NetworkEvent, { micros, seq }: { micros: number; seq: number }): string {
  const commit = kind === 'commit'
  const text = (value: unknown): string => (commit && value !== undefined ? `"${String(value)}"` : 'null')
  const path = text(`${String(body['collection'])}/${String(body['rkey'])}`)
  const record = JSON.stringify(commit ? (body['record'] ?? null) : body)
  const head = `"timestamp":"${isoOf(micros)}","action":${text(body['operation'])},"path":${path},"cid":${text(body['cid'])}`
  const tail = `"repo":"${did}","rev":${text(body['rev'])},"time_us":${micros},"kind":"${kind}"`
  return `{${head},"record":${record},${tail}${protocol === 'v2' ? `,"seq":${seq}` : ''}}`
}

const KINDS_V1 = ['commit', 'commit', 'commit', 'identity', 'account'] as const

/** So many events of all kinds, told apart by their numbers. */
export function makeEvents(count: number, kinds: readonly NetworkEvent['kind'][] = KINDS_V1): NetworkEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const did = `did:plc:user${i % 7}`
    const kind = kinds[i % kinds.length] as NetworkEvent['kind']
    if (kind !== 'commit') return { did, kind, body: { did, seq: 31_000_000_000 + i, time: '2026-07-04T14:38:07.877Z' } }
    const head = { rev: `3mptrev${i}`, collection: 'app.bsky.feed.post', rkey: `3mptkey${i}` }
    if (i % 6 === 5) return { did, kind, body: { ...head, operation: 'delete' } }
    const record = { $type: 'app.bsky.feed.post', createdAt: '2026-07-04T14:38:08.999Z', text: `number ${i} “ü” \n 😂`, langs: ['en'] }
    return { did, kind, body: { ...head, operation: i % 6 === 4 ? 'update' : 'create', record, cid: `bafyreicid${i}` } }
  })
}
