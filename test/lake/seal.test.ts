import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { footerLength } from '../../src/lake/footer.ts'
import { damageOf, readSeal } from '../../src/lake/seal.ts'
import { tree } from '../lake.ts'
import { eventLine, eventLines } from '../lines.ts'
import { run, workplace } from '../process.ts'

const HOUR = 'date=2026-07-04/hour=14'

async function well(name: string, args: readonly string[], options: { cwd: string; input?: string }): Promise<string> {
  const { code, stdout, stderr } = await run(name, args, options)
  assert.equal(code, 0, `${name} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

test('whoever writes a file of the lake, it says whose it is, of what format, and what its bytes are', async (t) => {
  const cwd = workplace(t)
  const lake = join(cwd, 'lake')
  // On both sides of an hour; again with three more, so that the others are left out; of the second writer; after a line that is none.
  await well('handle-stream', [], { cwd, input: eventLines(1200, 3000).join('\n') })
  await well('handle-stream', [], { cwd, input: eventLines(1203, 3000).join('\n') })
  await well('handle-stream', ['--writer', 'parquetjs'], { cwd, input: eventLines(100, 3100).map((line) => line.replace('/k', '/j')).join('\n') })
  await well('handle-stream', [], { cwd, input: `none\n${eventLine(9000)}` })
  const { id } = JSON.parse(readFileSync(join(cwd, '.sluice/lake.json'), 'utf8')) as { id: string }
  assert.match(id, /^[0-9a-f-]{36}$/)
  const asWritten = tree(lake)
  assert.equal(asWritten.length, 5)
  await well('sluice', ['compact', '--grace', '0s'], { cwd })
  const merged = tree(lake).filter((path) => /part-\d+\.parquet$/.test(path))
  assert.equal(merged.length, 2)
  for (const path of tree(lake).filter((path) => path.endsWith('.parquet'))) {
    const { lake: of, format, hash } = (await readSeal(join(lake, path))) ?? {}
    assert.deepEqual([of, format], [id, 2], path)
    assert.match(hash ?? '', /^crc32:[0-9a-f]{8}$/)
    assert.equal(await damageOf(join(lake, path)), undefined)
  }
})

test('each of 240 flipped bits is found by fsck, wherever it is in a file', async (t) => {
  for (const writer of ['duckdb', 'parquetjs']) {
    const cwd = workplace(t)
    await well('handle-stream', ['--writer', writer], { cwd, input: eventLines(300).join('\n') })
    const [first = ''] = tree(join(cwd, 'lake'))
    const bytes = readFileSync(join(cwd, 'lake', first))
    const footer = footerLength(bytes) as number
    // Any bit of the file, then of its last bytes.
    let seed = 1
    const below = (limit: number): number => (seed = (seed * 48_271) % 2_147_483_647) % limit
    const flips = Array.from({ length: 120 }, (_, n) => (n < 60 ? below(bytes.length * 8) : (bytes.length - footer) * 8 + below(footer * 8)))
    for (const [n, bit] of flips.entries()) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      mkdirSync(join(cwd, 'lake', HOUR, '0'), { recursive: true })
      writeFileSync(join(cwd, 'lake', HOUR, '0', `20260101T000000000Z-flips0-${String(n).padStart(8, '0')}.parquet`), changed)
    }
    const { stdout } = await run('sluice', ['fsck', '--json'], { cwd })
    const found = new Set(stdout.trimEnd().split('\n').slice(0, -1).map((line) => JSON.parse(line) as { severity: string; path: string }).filter(({ severity }) => severity === 'error').map(({ path }) => path))
    const missed = flips.filter((_, n) => !found.has(`lake/${HOUR}/0/20260101T000000000Z-flips0-${String(n).padStart(8, '0')}.parquet`))
    assert.deepEqual(missed.map((bit) => `bit ${bit & 7} of byte ${bit >> 3} of ${bytes.length}`), [], writer)
    assert.equal(found.size, 120, 'nothing else is')
  }
})
