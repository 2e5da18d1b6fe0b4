import { normalize } from 'node:path'
import { EXIT, Failure } from '../failure.ts'
import type { Model } from './models.ts'
import { keyOf } from './models.ts'
import { nearest } from '../did-you-mean.ts'

/** What a selector looks at: a model, and the models that it reads directly. */
export interface Selectable {
  model: Pick<Model, 'name' | 'layer' | 'file'> & { header: Pick<Model['header'], 'tags'> }
  needs: readonly string[]
}

/** `+x+`: the models that x means, all that they need, all that need them. */
interface Selector {
  written: string
  above: boolean
  below: boolean
  /** A name, `tag:…`, or the path of a file or a directory; `*` stands for any letters, in a path but for `/`. */
  means: string
}

/** The names of the models that the selectors mean, in the order of the models. Throws a usage Failure for one that means none. */
export function select(models: readonly Selectable[], selectors: readonly string[]): string[] {
  const needs = new Map(models.map((entry) => [keyOf(entry.model.name), entry.needs.map(keyOf)]))
  const neededBy = new Map<string, string[]>()
  for (const [name, needed] of needs) for (const need of needed) neededBy.set(need, [...(neededBy.get(need) ?? []), name])
  const selected = new Set<string>()
  for (const selector of selectors.map(read)) {
    const matching = models.filter(({ model }) => matches(model, selector.means)).map(({ model }) => keyOf(model.name))
    if (matching.length === 0) throw stranger(selector, models)
    for (const name of matching) selected.add(name)
    if (selector.above) for (const name of closure(matching, needs)) selected.add(name)
    if (selector.below) for (const name of closure(matching, neededBy)) selected.add(name)
  }
  return models.map(({ model }) => model.name).filter((name) => selected.has(keyOf(name)))
}

function read(written: string): Selector {
  const [, above, means, below] = /^(\+?)(.*?)(\+?)$/.exec(written) as unknown as [string, string, string, string]
  return { written, above: above !== '', below: below !== '', means }
}

function matches({ name, file, header }: Selectable['model'], means: string): boolean {
  if (means.startsWith('tag:')) return header.tags.some((tag) => pattern(means.slice('tag:'.length)).test(tag))
  if (!isPath(means)) return pattern(keyOf(means)).test(keyOf(name))
  const path = pattern(normalize(means).replace(/\/$/, ''))
  const parts = normalize(file).split('/')
  return parts.some((_, index) => path.test(parts.slice(0, index + 1).join('/')))
}

/** No name of a model has a dot or a slash in it. */
function isPath(means: string): boolean {
  return /[/.]/.test(means)
}

function pattern(glob: string): RegExp {
  const text = glob.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\\\*\\\*/g, '.*').replace(/\\\*/g, '[^/]*')
  return new RegExp(`^${text}$`, 'u')
}

/** All that can be reached, the start included only where a way leads back to it. */
function closure(start: readonly string[], next: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set<string>()
  const open = [...start]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const other of next.get(name) ?? []) {
      if (!reached.has(other)) open.push(other)
      reached.add(other)
    }
  }
  return reached
}

function stranger({ written, means }: Selector, models: readonly Selectable[]): Failure {
  const sorted = (texts: readonly string[]): string[] => [...new Set(texts)].sort()
  const names = sorted(models.map(({ model }) => model.name))
  const tags = sorted(models.flatMap(({ model }) => model.header.tags.map((tag) => `tag:${tag}`)))
  const candidates = means.startsWith('tag:') ? tags : isPath(means) ? models.map(({ model }) => model.file) : names
  const close = means.includes('*') ? undefined : nearest(means, candidates)
  return new Failure(
    `expected --select to name models (${[...names, ...tags].join(', ')}) or paths of theirs, got \`${written}\``
    + `${close === undefined ? '' : `; did you mean \`${close}\`?`}`,
    EXIT.usage,
  )
}
