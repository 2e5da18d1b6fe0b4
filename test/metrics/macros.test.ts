import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEngine } from '../../src/duckdb.ts'
import { random } from '../lines.ts'
import { ROOT } from '../process.ts'
import { hasEngineering, hashtagsOf, wordsOf } from './naive-text.ts'
import { seededText } from './seeded.ts'

test('words, hashtags and whole words of 15,000 seeded texts are those of a reading character by character', async () => {
  const next = random(11)
  const texts = Array.from({ length: 15_000 }, () => ({ text: seededText(next), lang: next() < 0.3 ? 'fr' : 'en' }))
  const engine = await openEngine({ threads: 1 })
  try {
    const session = await engine.connect()
    await session.run(readFileSync(join(ROOT, 'queries/macros.sql'), 'utf8'))
    await session.run('CREATE TABLE texts (text VARCHAR, lang VARCHAR)')
    await session.append('texts', texts.map(({ text, lang }) => [text, lang]))
    const rows = await session.rows<{ words: string[]; hashtags: string[]; has_engineering: boolean }>(
      "SELECT words(text, lang) AS words, list_sort(hashtags_in(text)) AS hashtags, has_word(text, 'engineering') AS has_engineering FROM texts",
    )
    rows.forEach(({ words, hashtags, has_engineering }, n) => {
      const { text, lang } = texts[n] as (typeof texts)[number]
      assert.deepEqual(words, wordsOf(text, lang), JSON.stringify(text))
      assert.deepEqual([...hashtags].sort(), [...new Set(hashtagsOf(text))].sort(), JSON.stringify(text))
      assert.equal(has_engineering, hasEngineering(text), JSON.stringify(text))
    })
    assert.equal(rows.length, texts.length)
    assert.ok(rows.filter(({ has_engineering }) => has_engineering).length > 1000)
  } finally {
    engine.close()
  }
})
