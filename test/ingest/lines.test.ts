import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createFramer, KEPT_OF_LONG_LINE, linesOf, longLine } from '../../src/ingest/lines.ts'

const LIMIT = 20

/** What the segments hold after these chunks, with the room used up after `perRoll` lines; and the runs' own counts. */
function frame(chunks: readonly Buffer[], perRoll: number): { segments: Buffer[]; lines: number; blank: number; longest: number } {
  const framer = createFramer(LIMIT)
  const segments: Buffer[] = []
  let open: Buffer[] = []
  let inOpen = 0
  const total = { lines: 0, blank: 0, longest: 0 }
  const take = (runs: ReturnType<typeof framer.push>): void => {
    for (const run of runs) {
      assert.equal(run.parts.reduce((sum, part) => sum + part.length, 0), run.bytes)
      open.push(...run.parts.map((part) => Buffer.from(part)))
      inOpen += run.lines
      total.lines += run.lines
      total.blank += run.blank
      total.longest = Math.max(total.longest, run.longest)
      assert.ok(inOpen <= perRoll, 'a run overfilled the segment')
      if (inOpen === perRoll) {
        segments.push(Buffer.concat(open))
        open = []
        inOpen = 0
      }
    }
  }
  for (const chunk of chunks) take(framer.push(chunk, () => ({ lines: perRoll - inOpen, bytes: Infinity })))
  take(framer.end())
  if (open.length > 0) segments.push(Buffer.concat(open))
  return { segments, ...total }
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => (bytes.length === 0 ? 0 : place % bytes.length)))].sort((a, b) => a - b)
  return [0, ...sorted].map((from, i) => bytes.subarray(from, [...sorted, bytes.length][i]))
}

const stream = fc
  .array(fc.oneof(fc.constantFrom('\n', '\r\n', '\r', '', 'a'), fc.string({ unit: 'binary', maxLength: 50 })), { maxLength: 30 })
  .map((pieces) => Buffer.from(pieces.join('')))

test('any chunking gives the same segments', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), (bytes, places, perRoll) => {
      assert.deepEqual(frame(cut(bytes, places), perRoll), frame([bytes], perRoll))
    }),
    { numRuns: 2000 },
  )
})

test('lines, blank lines and long lines are those that splitting at newlines gives', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), (bytes, places) => {
      const naive = bytes.toString('latin1').split('\n')
      if (naive.at(-1) === '') naive.pop()
      const framed = frame(cut(bytes, places), 3)
      const text = Buffer.concat(framed.segments)
      const held = text.toString('latin1').split('\n').slice(0, -1)
      assert.equal(framed.lines, naive.length)
      assert.equal(framed.blank, naive.filter((line) => line === '' || line === '\r').length)
      assert.deepEqual(
        held.map((line) => {
          const long = longLine(Buffer.from(line, 'latin1'))
          return long ? { length: long.length, head: long.head.toString('latin1') } : line
        }),
        naive.map((line) => (line.length > LIMIT ? { length: line.length, head: line.slice(0, KEPT_OF_LONG_LINE) } : line)),
      )
    }),
    { numRuns: 2000 },
  )
})

test('a gigabyte without a newline takes no memory but its beginning', () => {
  const framer = createFramer(1000)
  const chunk = Buffer.alloc(2 ** 20, 'x')
  const before = process.memoryUsage()
  for (let megabyte = 0; megabyte < 1024; megabyte++) assert.deepEqual([...framer.push(chunk, () => ({ lines: 9, bytes: 9e9 }))], [])
  const after = process.memoryUsage()
  const [run] = [...framer.end()]
  const long = longLine(Buffer.concat(run?.parts ?? []))
  assert.equal(long?.length, 2 ** 30)
  assert.ok(after.external - before.external < 16 * 2 ** 20, `grew by ${after.external - before.external} bytes`)
})

test('lines of a segment', () => {
  const lines = (text: string): string[] => Array.from(linesOf(Buffer.from(text)), String)
  assert.deepEqual(lines('a\nb\r\n\n\r\n c \nd'), ['a', 'b', ' c ', 'd'])
  assert.deepEqual(lines(''), [])
})
