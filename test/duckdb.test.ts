import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { exactly, openEngine, quote } from '../src/duckdb.ts'
import { workplace } from './process.ts'

test('an engine that reads once keeps no bytes of a file', async (t) => {
  const path = join(workplace(t), 'numbers.parquet')
  const kept: number[] = []
  for (const readsOnce of [false, true]) {
    const engine = await openEngine({ readsOnce })
    const session = await engine.connect()
    await session.run(`COPY (SELECT hash(range) AS h FROM range(100_000)) TO ${quote(path)} (FORMAT parquet)`)
    assert.deepEqual(await session.rows(`SELECT count(DISTINCT h) AS n FROM read_parquet(${exactly(path)})`), [{ n: 100_000n }])
    const [cache] = await session.rows<{ bytes: number }>("SELECT memory_usage_bytes::DOUBLE AS bytes FROM duckdb_memory() WHERE tag = 'EXTERNAL_FILE_CACHE'")
    kept.push(Number(cache?.bytes))
    session.close()
    engine.close()
  }
  const [usual, once] = kept as [number, number]
  assert.ok(usual > 0, 'one that may keeps some')
  assert.equal(once, 0)
})
