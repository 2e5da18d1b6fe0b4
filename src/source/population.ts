import type { Random } from './random.ts'
import { mix } from './random.ts'

/** Numbers that a record's URI and CID follow from. */
export interface Reference {
  user: number
  micros: number
  clock: number
  low: number
  high: number
}

/** Who does things in a simulated stream, and to which posts. What takes a Reference fills it in and returns it. */
export interface Population {
  someUser: () => number
  /** The user of a burst of likes, who does nothing else. */
  burstUser: (burst: number) => number
  /** A post from before the stream. */
  oldPost: (into: Reference) => Reference
  somePost: (into: Reference) => Reference
  burstPost: (burst: number, post: number, into: Reference) => Reference
  /** A post of this stream, to be liked, reposted and replied to. */
  remember: (post: Reference) => void
}

/** With these, a million events have 118 thousand distinct likers, as November 2024 had. */
const USERS = 147_000
/** The most active ones are equally active, so that none of them is a fast liker at 1,000 events/s. */
const EQUALS = 64

const RECENT = 1 << 13
const POPULAR = 64
/** Of so many posts of the stream one becomes popular, in the place of another. */
const POPULAR_EVERY = 128

export function reference(): Reference {
  return { user: 0, micros: 0.5, clock: 0, low: 0, high: 0 }
}

export function createPopulation(seed: number, start: number, random: Random): Population {
  const recent = createTable(RECENT)
  const popular = createTable(POPULAR)
  let posts = 0

  /** The cube of a uniform draw: few users do most of it. */
  const someUser = (): number => {
    const draw = (random.next() >>> 0) / 2 ** 32
    const user = Math.floor(USERS * draw * draw * draw)
    return user < EQUALS ? random.next() & (EQUALS - 1) : user
  }
  const oldPost = (into: Reference): Reference => {
    into.user = someUser()
    into.low = random.next()
    into.high = random.next()
    into.micros = start - 1e9 - (into.high >>> 0) * 600
    into.clock = into.low & 1023
    return into
  }
  for (let i = 0; i < RECENT; i++) recent.put(i, oldPost(reference()))
  for (let i = 0; i < POPULAR; i++) popular.put(i, oldPost(reference()))

  return {
    someUser,
    burstUser: (burst) => USERS + burst,
    oldPost,
    /** A post of this stream for half of the draws, recent ones more often; a few are everybody's. */
    somePost: (into) => {
      const bits = random.next()
      const kind = bits & 15
      if (kind < 8) return oldPost(into)
      if (kind < 10) return popular.get((bits >>> 4) & (POPULAR - 1), into)
      const back = (((bits >>> 4) & 8191) * ((bits >>> 17) & 8191)) >>> 13
      return recent.get((posts - 1 - back) & (RECENT - 1), into)
    },
    burstPost: (burst, post, into) => {
      const bits = mix(mix(seed, burst), post)
      into.user = (bits >>> 0) % USERS
      into.low = bits
      into.high = (burst << 9) ^ post
      into.micros = start - 1e9 - (bits >>> 0) * 600
      into.clock = post & 1023
      return into
    },
    remember: (post) => {
      recent.put(posts & (RECENT - 1), post)
      if (posts % POPULAR_EVERY === 0) popular.put(random.next() & (POPULAR - 1), post)
      posts++
    },
  }
}

/** References in typed arrays: as objects they would not stay in the cache. */
function createTable(length: number): { get: (i: number, into: Reference) => Reference; put: (i: number, from: Reference) => void } {
  const micros = new Float64Array(length)
  const rest = new Int32Array(4 * length)
  return {
    get: (i, into) => {
      into.micros = micros[i] as number
      into.user = rest[4 * i] as number
      into.clock = rest[4 * i + 1] as number
      into.low = rest[4 * i + 2] as number
      into.high = rest[4 * i + 3] as number
      return into
    },
    put: (i, from) => {
      micros[i] = from.micros
      rest[4 * i] = from.user
      rest[4 * i + 1] = from.clock
      rest[4 * i + 2] = from.low
      rest[4 * i + 3] = from.high
    },
  }
}
