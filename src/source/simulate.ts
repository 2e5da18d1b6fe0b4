import { createBursts } from './burst.ts'
import { createComposer } from './compose.ts'
import { writeCid, writeDid, writeTid } from './identifiers.ts'
import { createInstantWriter } from './instant.ts'
import { createPopulation, reference } from './population.ts'
import { createRandom, mix } from './random.ts'
import {
  ACCOUNT_EVENTS, BLOCK, DELETE, EMBED_EXTERNAL, EMBED_IMAGES, EMBED_QUOTE, FOLLOW, LIKE, LIKE_VIA, LISTITEM, ODD_POSTS, OTHERS,
  POST, PROFILE_CREATE, PROFILE_NAME, PROFILE_UPDATE, RECORD_END, REPLY, REPLY_TO_ROOT, REPOST, TEXT,
} from './event-templates.ts'
import type { Template } from './template.ts'

export interface SimulatorOptions {
  /** A whole number. */
  seed: number
  /** Unix µs of the first event. */
  start: number
  /** Events per second of the stream's own time, at most a million. */
  rate: number
}

export interface Simulator {
  /**
   * Writes whole lines of the next events that are due before `until` (Unix µs), at most `limit` of them and no more
   * than fit. The bytes of the stream depend on the options alone, not on how it is cut into calls.
   */
  fill: (buffer: Buffer, until: number, limit: number) => { bytes: number; events: number }
  /** When the next event is due, Unix µs. */
  due: () => number
}

/** No line is longer. */
const LONGEST_LINE = 16_384

/** Shares of events in thousandths, as measured in November 2024; what is left are other collections. */
const SHARE = { like: 449, follow: 360, post: 91, repost: 59, block: 14, profile: 12, listitem: 8, account: 5 }
/** Minutes differ by up to this many thousandths of likes, at the expense of follows. */
const SWING = 120
/** Of a thousand likes, follows, …, so many are deletes. */
const DELETES = 35

/** A burst of likes begins every so many events, which makes 2 % of all events. */
const BURST_EVERY = 4096
/** Below this rate, events per second, one burst would take most of the stream. */
const BURST_RATE = 50

export function createSimulator({ seed, start, rate }: SimulatorOptions): Simulator {
  const random = createRandom(seed)
  const composer = createComposer(random)
  const bursts = createBursts(random)
  const instants = createInstantWriter()
  const didSeed = mix(seed, 7)
  const { someUser, burstUser, oldPost, somePost, burstPost, remember } = createPopulation(seed, start, random)
  let index = 0
  let minute = -1
  let swing = 0
  let out: Buffer = Buffer.alloc(0)
  let view = new DataView(out.buffer)
  let at = 0

  /** The event being written. */
  const now = { user: 0, second: 0, micro: 0, createdSecond: 0, createdMilli: 0, revMicros: 0.5 }
  const own = reference()
  const target = reference()
  const other = reference()

  const dueAt = (i: number): number => start + Math.floor((i * 1e6) / rate)

  function begin(user: number, micros: number, due: number): void {
    now.user = user
    now.second = Math.floor(micros / 1e6)
    now.micro = micros - now.second * 1e6
    const bits = random.next()
    let lag = (bits >>> 12) & 0xfffff
    // One clock in 128 is off by up to twelve days.
    if ((bits & 127) === 0) lag *= bits & 128 ? 1e6 : -1e6
    const created = Math.floor((micros - lag) / 1000)
    now.createdSecond = Math.floor(created / 1000)
    now.createdMilli = created - now.createdSecond * 1000
    // No two events are due in the same microsecond: keys and revs are unique, and ordered as the schedule is.
    now.revMicros = due - 200_000
    own.user = user
    own.micros = due - 250_000
    own.clock = mix(didSeed, user) & 1023
    own.low = bits
    own.high = index
  }

  function put({ bytes, places }: Template): void {
    out.set(bytes, at)
    for (let i = 0; i < places.length; i += 2) writePlace(at + (places[i] as number), places[i + 1] as number)
    at += bytes.length
  }

  function writePlace(to: number, place: number): void {
    switch (place) {
      case 84: // T
        return instants.micros(view, to, now.second, now.micro)
      case 85: // U
        return instants.digits(view, to, now.second, now.micro)
      case 65: // A
        return instants.millis(view, to, now.createdSecond, now.createdMilli)
      case 82: // R
        return writeDid(view, to, didSeed, now.user)
      case 86: // V
        return writeTid(view, to, now.revMicros, own.clock)
      case 75: // K
        return writeTid(view, to, own.micros, own.clock)
      case 67: // C
        return writeCid(view, to, own.low, own.high)
      case 68: // D
        return writeDid(view, to, didSeed, target.user)
      case 81: // Q
        return writeTid(view, to, target.micros, target.clock)
      case 83: // S
        return writeCid(view, to, target.low, target.high)
      case 69: // E
        return writeDid(view, to, didSeed, other.user)
      case 80: // P
        return writeTid(view, to, other.micros, other.clock)
      case 87: // W
        return writeCid(view, to, other.low, other.high)
      case 66: // B
        return writeCid(view, to, ~own.low, own.high)
      case 90: // Z
        return writeDigits(to, 6, 100_000 + ((own.low >>> 0) % 900_000))
      case 78: // N
        return writeDigits(to, 11, 31_527_015_470 + index)
    }
  }

  function writeDigits(to: number, width: number, value: number): void {
    for (let i = to + width - 1, rest = value; i >= to; i--, rest = Math.floor(rest / 10)) out[i] = 48 + (rest % 10)
  }

  function putPost(): void {
    const odd = random.below(1000)
    put(odd < 12 ? (ODD_POSTS[odd % ODD_POSTS.length] as Template) : POST)
    const embed = random.below(100)
    somePost(target)
    if (embed < 6) {
      put(EMBED_EXTERNAL[0] as Template)
      at = composer.phrase(out, at)
      put(EMBED_EXTERNAL[1] as Template)
      at = composer.phrase(out, at)
      put(EMBED_EXTERNAL[2] as Template)
    } else if (embed < 18) {
      put(EMBED_IMAGES[0] as Template)
      at = composer.phrase(out, at)
      put(EMBED_IMAGES[1] as Template)
    } else if (embed < 26) put(EMBED_QUOTE[0] as Template)
    composer.post()
    at = composer.facetsAndLangs(out, at)
    if (embed >= 60) {
      somePost(target)
      if (embed >= 80) somePost(other)
      put(embed < 80 ? REPLY_TO_ROOT : REPLY)
    }
    put(TEXT)
    at = composer.text(out, at)
    put(RECORD_END)
    remember(own)
  }

  function putProfile(): void {
    put((own.low & 15) === 1 ? PROFILE_CREATE : PROFILE_UPDATE)
    at = composer.phrase(out, at)
    put(PROFILE_NAME)
    at = composer.phrase(out, at)
    put(RECORD_END)
  }

  function putEvent(due: number): void {
    const burstDue = bursts.due()
    if (burstDue <= due) {
      const { user, post } = bursts.take()
      begin(burstUser(user), burstDue, due)
      burstPost(user, post, target)
      put(LIKE)
      return
    }
    const bits = random.next()
    const elapsed = Math.floor(due / 60e6)
    if (elapsed !== minute) {
      minute = elapsed
      swing = (mix(mix(seed, Math.floor(minute / 2 ** 20)), minute) >>> 0) % (2 * SWING + 1) - SWING
    }
    let draw = random.below(1000)
    if (draw >= 1000 - SHARE.account) {
      // Exactly on schedule: these have no rev, and are told apart by their time.
      begin(someUser(), due, due)
      oldPost(target)
      put(ACCOUNT_EVENTS[random.below(ACCOUNT_EVENTS.length)] as Template)
      return
    }
    begin(someUser(), Math.max(start, due - (bits & 4095)), due)
    const gone = ((bits >>> 12) % 1000) < DELETES
    if (gone) oldPost(target)
    if ((draw -= SHARE.like + swing) < 0) {
      if (gone) return put(DELETE.like)
      somePost(target)
      if ((bits >>> 28) > 1) return put(LIKE)
      oldPost(other)
      return put(LIKE_VIA)
    }
    if ((draw -= SHARE.follow - swing) < 0) {
      target.user = someUser()
      return put(gone ? DELETE.follow : FOLLOW)
    }
    if ((draw -= SHARE.post) < 0) return gone ? put(DELETE.post) : putPost()
    if ((draw -= SHARE.repost) < 0) {
      if (gone) return put(DELETE.repost)
      somePost(target)
      return put(REPOST)
    }
    if ((draw -= SHARE.profile) < 0) return putProfile()
    if ((draw -= SHARE.block) < 0) {
      target.user = someUser()
      return put(gone ? DELETE.block : BLOCK)
    }
    if ((draw -= SHARE.listitem) < 0) {
      target.user = someUser()
      oldPost(other)
      return put(gone ? DELETE.listitem : LISTITEM)
    }
    oldPost(other)
    put(OTHERS[random.below(OTHERS.length)] as Template)
  }

  return {
    due: () => dueAt(index),
    fill: (buffer, until, limit) => {
      out = buffer
      view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
      at = 0
      let events = 0
      while (events < limit && at <= buffer.length - LONGEST_LINE) {
        const due = dueAt(index)
        if (due >= until) break
        if (rate >= BURST_RATE && index % BURST_EVERY === 64) bursts.begin(due)
        putEvent(due)
        index++
        events++
      }
      return { bytes: at, events }
    },
  }
}
