/** One node of DuckDB's parse tree, or a part of one. */
export type Node = Record<string, unknown>

/** All nodes of a tree, each before those in it. */
export function* nodesOf(tree: unknown): Generator<Node> {
  if (typeof tree !== 'object' || tree === null) return
  if (!Array.isArray(tree)) yield tree as Node
  for (const part of Object.values(tree)) yield* nodesOf(part)
}

/** A location of the text, in bytes. What the grammar puts in has none, or one that is beyond any text. */
export function isKnown(location: unknown): location is number {
  return typeof location === 'number' && location < Number.MAX_SAFE_INTEGER
}

/** Where the node stands in the text: DuckDB's own word, or else the first place that is known of what is in it, or Infinity. */
export function locationOf(tree: unknown): number {
  const own = (tree as Node | null)?.['query_location']
  return isKnown(own) ? own : Math.min(...[...nodesOf(tree)].map(({ query_location: at }) => (isKnown(at) ? at : Infinity)), Infinity)
}

/** Names of functions, in lower case, as DuckDB calls them (which is not always as they are written). */
export function functionsIn(tree: unknown): Set<string> {
  const names = [...nodesOf(tree)].flatMap(({ function_name: name }) => (typeof name === 'string' && name !== '' ? name.toLowerCase() : []))
  return new Set(names)
}
