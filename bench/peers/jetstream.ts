import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'

/**
 * Turns the lines of ./bluesky into messages of Jetstream v1, whose fields are in the order in which its server prints them.
 *
 * Argument: of every so many lines one is damaged; absent: none.
 */
const every = Number(process.argv[2] ?? Infinity)

interface Line {
  action: string | null
  path: string | null
  cid: string | null
  record: object | null
  repo: string
  rev: string | null
  time_us: number
  kind: string
}

function message({ action, path, cid, record, repo, rev, time_us, kind }: Line): object {
  const head = { did: repo, time_us, kind }
  if (kind !== 'commit') return { ...head, [kind]: record }
  const [collection, rkey] = (path as string).split('/')
  const commit = { rev, operation: action, collection, rkey, ...(record && { record, cid }) }
  return { ...head, commit }
}

let texts: string[] = []
let lines = 0
for await (const text of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const whole = JSON.stringify(message(JSON.parse(text) as Line))
  texts.push(`${++lines % every === 0 ? whole.replace(/"time_us":17/, '$&x') : whole}\n`)
  if (texts.length < 1000) continue
  if (!process.stdout.write(texts.join(''))) await new Promise((resolve) => process.stdout.once('drain', resolve))
  texts = []
}
process.stdout.end(texts.join(''))
await finished(process.stdout)
