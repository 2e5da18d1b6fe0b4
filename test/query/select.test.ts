import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Failure } from '../../src/failure.ts'
import type { Selectable } from '../../src/query/select.ts'
import { parseSelectors } from '../../src/commands/shared.ts'
import { select } from '../../src/query/select.ts'

function model(file: string, needs: string[] = [], tags: string[] = []): Selectable {
  const [, layer, name] = /(\w+)\/([\w-]+)\.\w+$/.exec(file) as unknown as [string, Selectable['model']['layer'], string]
  return { model: { name, layer, file, header: { tags } }, needs }
}

const MODELS = [
  model('queries/seeds/stopwords.csv', [], ['silver']),
  model('queries/staging/likes.sql', [], ['silver', 'likes']),
  model('queries/staging/posts.sql', [], ['silver']),
  model('queries/metrics/likes-per-minutes.sql', ['likes'], ['gold', 'likes']),
  model('queries/metrics/fast-likers.sql', ['likes'], ['gold', 'likes']),
  model('queries/metrics/words.sql', ['posts', 'stopwords'], ['gold']),
  model('queries/metrics/words-again.sql', ['words'], ['a+b']),
]

const CASES: [selectors: string, means: string[]][] = [
  ['likes', ['likes']],
  ['LIKES', ['likes']],
  ['words, likes', ['likes', 'words']],
  ['words likes', ['likes', 'words']],
  [' words\t,likes ', ['likes', 'words']],
  ['+words', ['stopwords', 'posts', 'words']],
  ['posts+', ['posts', 'words', 'words-again']],
  ['+words+', ['stopwords', 'posts', 'words', 'words-again']],
  ['likes*', ['likes', 'likes-per-minutes']],
  ['+likes-*', ['likes', 'likes-per-minutes']],
  ['tag:likes', ['likes', 'likes-per-minutes', 'fast-likers']],
  ['tag:gold', ['likes-per-minutes', 'fast-likers', 'words']],
  ['+tag:gold', ['stopwords', 'likes', 'posts', 'likes-per-minutes', 'fast-likers', 'words']],
  ['tag:s*', ['stopwords', 'likes', 'posts']],
  ['+tag:likes+', ['likes', 'likes-per-minutes', 'fast-likers']],
  // A tag may hold a plus, but not at its end.
  ['tag:a+b', ['words-again']],
  ['queries/metrics/likes*.sql', ['likes-per-minutes']],
  ['queries/metrics/words.sql+', ['words', 'words-again']],
  ['queries/staging', ['likes', 'posts']],
  ['./queries/staging/', ['likes', 'posts']],
  ['queries/*/likes*', ['likes', 'likes-per-minutes']],
  ['queries/s*', ['stopwords', 'likes', 'posts']],
  ['queries/**/words.sql', ['words']],
  ['queries/seeds/stopwords.csv', ['stopwords']],
]

for (const [selectors, means] of CASES) {
  test(`--select '${selectors}'`, () => assert.deepEqual(select(MODELS, parseSelectors(selectors)), means))
}

const NOTHING: [selector: string, instead: string | undefined][] = [
  ['like', 'likes'],
  ['+word+', 'words'],
  ['tag:golden', 'tag:gold'],
  ['tag:x', undefined],
  ['queries/metrics/like*.csv', undefined],
  ['queries/metrics/word.sql', 'queries/metrics/words.sql'],
  ['metrics', undefined],
  // One letter of a regular expression is that letter.
  ['queries/staging/likes.s.l', 'queries/staging/likes.sql'],
  ['nothing*', undefined],
]

for (const [selector, instead] of NOTHING) {
  test(`--select '${selector}' means nothing`, () => {
    assert.throws(() => select(MODELS, ['likes', selector]), (error: unknown) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.exitCode, 2)
      assert.match(error.message, /^expected --select to name models \(fast-likers, likes, .*, words-again, tag:a\+b, tag:gold, tag:likes, tag:silver\) or paths of theirs, got `/)
      assert.ok(error.message.endsWith(`got \`${selector}\`${instead === undefined ? '' : `; did you mean \`${instead}\`?`}`), error.message)
      return true
    })
  })
}

for (const text of ['', ',', 'likes,', ',likes', 'likes,,words', '+', 'likes ++']) {
  test(`no selectors: '${text}'`, () => assert.throws(() => parseSelectors(text), /^Error: names, tags or paths/))
}

test('any graph: a plus on either side is the closure along the edges', () => {
  const edges = fc.uniqueArray(fc.tuple(fc.nat(7), fc.nat(7)), { selector: String, maxLength: 18 })
  const chosen = fc.array(fc.record({ node: fc.nat(7), above: fc.boolean(), below: fc.boolean() }), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(edges, chosen, (pairs, selectors) => {
      const nodes = [0, 1, 2, 3, 4, 5, 6, 7]
      const models = nodes.map((node) => model(`metrics/m${node}.sql`, pairs.filter(([from]) => from === node).map(([, to]) => `m${to}`)))
      // Floyd and Warshall's, as select does not: reads[i][j] if i reads j, directly or not.
      const reads = nodes.map((from) => nodes.map((to) => pairs.some(([a, b]) => a === from && b === to)))
      for (const k of nodes) for (const i of nodes) for (const j of nodes) {
        if (reads[i]?.[k] && reads[k]?.[j]) (reads[i] as boolean[])[j] = true
      }
      const wanted = nodes.filter((other) =>
        selectors.some(({ node, above, below }) => other === node || (above && reads[node]?.[other]) || (below && reads[other]?.[node])),
      )
      const written = selectors.map(({ node, above, below }) => `${above ? '+' : ''}m${node}${below ? '+' : ''}`)
      assert.deepEqual(select(models, written), wanted.map((node) => `m${node}`))
    }),
    { numRuns: 500 },
  )
})
