import { EXIT, Failure } from '../failure.ts'
import { formatCount, formatDuration } from '../quantity.ts'
import type { Connection, Ending } from './connection.ts'
import { connect } from './connection.ts'
import type { Remark, StreamEvent } from './event.ts'
import { readMessage } from './event.ts'
import { formatMicros } from './instant.ts'
import type { Output } from './output.ts'
import type { Clock } from './pace.ts'
import { createPosition, LEAST_TIME, REWIND } from './position.ts'
import { createQueue } from './queue.ts'

export type Protocol = 'v1' | 'v2'

export interface LiveOptions {
  protocol: Protocol
  /** WebSocket URLs, tried in turn. */
  endpoints: readonly string[]
  /** NSIDs or `prefix.*`; empty for all. */
  collections: readonly string[]
  /** Where to begin: Unix µs, or with v2 a seq below 1e15. Undefined: now. */
  cursor: number | undefined
  /** A connection without a message for so long is given up, ms. */
  idle: number
  /** Ends after so many events. */
  events: number
  /** Ends after so long, ms. */
  duration: number
}

export interface LiveContext {
  output: Output
  /** One sentence for the operator. */
  say: (sentence: string) => void
  clock: Clock
  /** Unix µs. */
  today: () => number
  /** In [0, 1). */
  random: () => number
  signal: AbortSignal
}

const SPEAK_BOTH = ['jetstream.us-east.bsky.network', 'jetstream.us-west.bsky.network']
/** To be retired, says Bluesky. */
const SPEAK_V1 = [
  'jetstream1.us-east.bsky.network',
  'jetstream2.us-west.bsky.network',
  'jetstream2.us-east.bsky.network',
  'jetstream1.us-west.bsky.network',
]
export const DEFAULT_HOSTS: Record<Protocol, readonly string[]> = { v1: [...SPEAK_BOTH, ...SPEAK_V1], v2: SPEAK_BOTH }

export const PATHS: Record<Protocol, string> = { v1: '/subscribe', v2: '/xrpc/network.bsky.jetstream.subscribeEvents' }

const BACKOFF_MS = { first: 250, most: 30_000, mostBeforeFirst: 2_000 }
/** Before any host has answered: so many rounds over all of them, or so long, whichever ends first. */
const FIRST = { rounds: 3, ms: 12_000, patience: 5_000 }
const PATIENCE_MS = 10_000
/** A first event so much later than was asked for means that the server no longer has what came before, µs. */
const GAP = 10e6
/** How much older than it was asked for an event may be that a host sends, µs: times are not strictly ordered. */
const SLACK = 2 * REWIND
/** Between two sentences about frames that are no events, ms. */
const GARBAGE_EVERY = 60_000

/**
 * Prints what Jetstream servers say, each event once, until a limit, the signal, or the output's end. Once a server
 * has answered it connects again for as long as it takes.
 */
export async function printLive(options: LiveOptions, { output, say, clock, today, random, signal }: LiveContext): Promise<void> {
  const stop = new AbortController()
  const end = (): void => stop.abort()
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  const timer = options.duration < 2 ** 31 ? setTimeout(end, options.duration) : undefined

  const { protocol } = options
  const position = createPosition(protocol, options.cursor, today)
  let connection: Connection | undefined
  const queue = createQueue(output, { full: () => connection?.pause(), ready: () => connection?.resume(), failed: end })
  const garbage = createGarbageReport(say, clock)
  const older = createOlderReport(say)
  let printed = 0

  /** One connection from start to end; `news` is how many events it brought that were not printed before. */
  const session = async (endpoint: string, patience: number): Promise<Ending & { news: number }> => {
    const host = new URL(endpoint).host
    let news = 0
    let first = true
    let clamped = false
    position.enter(host)
    const asked = position.cursor()
    const onRemark = ({ is, name, text }: Remark): void => {
      const remark = text === '' ? name : `${name}: ${text}`
      if (is === 'error') {
        position.doubt()
        connection?.close(`error ${remark}`)
      } else if (name === 'OutdatedCursor') clamped = true
      else say(`${host} remarks ${remark}`)
    }
    /** The first event tells whether the server still had what it was asked for. */
    const checkGap = ({ micros, identity }: StreamEvent): void => {
      const since = position.since()
      if (position.knows(identity) || !(clamped || (since !== undefined && micros > since + GAP))) return
      const span =
        since === undefined ? 'gap: events' : `gap of ${formatDuration((micros - since) / 1000)}: events from ${formatMicros(since)}`
      say(`${span} to ${formatMicros(micros)} are missing, because ${host} no longer has them (it was asked for cursor ${asked})`)
    }
    /** Hosts begin where a file of theirs begins, up to an hour before the cursor (bluesky-social/jetstream#343). */
    const isOlder = ({ micros, seq }: StreamEvent): boolean =>
      asked !== undefined && (asked < LEAST_TIME ? protocol === 'v2' && seq !== undefined && seq < asked : micros < asked - SLACK)
    const onEvent = (event: StreamEvent): void => {
      if (first) checkGap(event)
      first = false
      if (isOlder(event)) return older.count(host, event.micros)
      older.end()
      if (!position.advance(event)) return
      news++
      queue.push(event.line)
      if (++printed >= options.events) end()
    }
    connection = connect(urlOf(endpoint, options, asked), {
      idle: options.idle,
      patience,
      signal: stop.signal,
      onText: (text) => {
        if (stop.signal.aborted) return
        const message = text === undefined ? undefined : readMessage(text)
        if (message?.is === 'event') onEvent(message)
        else if (message) onRemark(message)
        else garbage.count(host, text)
      },
    })
    if (queue.full()) connection.pause()
    const ending = await connection.ended
    connection = undefined
    older.end()
    if (isCursorTooOld(ending)) position.doubt()
    return { ...ending, news }
  }

  try {
    const begun = clock.now()
    let connected = false
    let fruitless = 0
    let next = 0
    while (!stop.signal.aborted) {
      const endpoint = options.endpoints[next % options.endpoints.length] as string
      const ending = await session(endpoint, connected ? PATIENCE_MS : FIRST.patience)
      if (stop.signal.aborted) break
      connected ||= ending.opened
      fruitless = ending.news > 0 ? 0 : fruitless + 1
      // A host that has just brought something new knows its own stream best.
      if (ending.news === 0 && !isCursorTooOld(ending)) next++
      if (!connected) {
        if (fruitless >= FIRST.rounds * options.endpoints.length || clock.now() - begun > FIRST.ms) throw unreachable(options, endpoint, ending)
        if (fruitless % options.endpoints.length !== 0) continue
      }
      const rounds = connected ? fruitless : fruitless / options.endpoints.length
      const most = connected ? BACKOFF_MS.most : BACKOFF_MS.mostBeforeFirst
      const wait = random() * Math.min(most, BACKOFF_MS.first * 2 ** Math.min(rounds, 20))
      if (connected) say(`lost ${new URL(endpoint).host}: ${ending.reason}; connecting again in ${formatDuration(wait)}`)
      await clock.sleep(wait, stop.signal)
    }
    await queue.drained()
  } finally {
    end()
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
    garbage.finish()
    older.finish()
  }
}

function urlOf(endpoint: string, { protocol, collections }: LiveOptions, cursor: number | undefined): string {
  const url = new URL(endpoint)
  for (const collection of collections) url.searchParams.append(protocol === 'v1' ? 'wantedCollections' : 'collections', collection)
  if (cursor !== undefined) url.searchParams.set('cursor', String(cursor))
  return url.href
}

function isCursorTooOld({ refusal }: Ending): boolean {
  return refusal?.status === 400 && refusal.body.includes('"CursorTooOld"')
}

function unreachable({ endpoints }: LiveOptions, last: string, { reason }: Ending): Failure {
  const hosts = endpoints.length === 1 ? new URL(last).host : `any of ${endpoints.length} hosts`
  return new Failure(
    `expected a Jetstream server to answer, could not connect to ${hosts} (last: ${new URL(last).host}: ${reason}); ` +
      'check the network, name a server with --endpoint, or make events with --simulate',
    EXIT.unavailable,
  )
}

/** Says once that a host goes back further than it was asked to, and in the end how many of its events were skipped in all. */
function createOlderReport(say: (sentence: string) => void): { count: (host: string, micros: number) => void; end: () => void; finish: () => void } {
  let total = 0
  let said = 0
  let last: { host: string; from: number } | undefined
  return {
    count: (host, micros) => {
      total++
      last ??= { host, from: micros }
    },
    end: () => {
      if (last && said === 0) {
        say(`${last.host} goes back further than it was asked to, to ${formatMicros(last.from)}: skipped ${formatCount(total)} older events`)
        said = total
      }
      last = undefined
    },
    finish: () => {
      if (total > said) say(`skipped ${formatCount(total)} events in all that were older than what was asked for`)
    },
  }
}

/** Says at once that a frame is no event, then at most once a minute how many were not. */
function createGarbageReport(
  say: (sentence: string) => void,
  clock: Clock,
): { count: (host: string, text: string | undefined) => void; finish: () => void } {
  let unsaid = 0
  let total = 0
  let said = -Infinity
  let sample = ''
  const report = (): void => {
    say(`skipped ${formatCount(unsaid)} that are no Jetstream events, of ${formatCount(total)} such frames in all; ${sample}`)
    unsaid = 0
    said = clock.now()
  }
  return {
    count: (host, text) => {
      unsaid++
      total++
      sample = `the last from ${host}: ${text === undefined ? 'a binary frame' : JSON.stringify(text.slice(0, 60))}`
      if (clock.now() - said >= GARBAGE_EVERY) report()
    },
    finish: () => {
      if (unsaid > 0) report()
    },
  }
}
