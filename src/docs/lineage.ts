/** What is drawn as a box. */
export type NodeKind = 'source' | 'seeds' | 'staging' | 'metrics' | 'sink'

export interface Node {
  id: string
  kind: NodeKind
  label: string
}

export interface Edge {
  from: string
  to: string
}

export interface Graph {
  nodes: readonly Node[]
  edges: readonly Edge[]
}

export interface Point {
  x: number
  y: number
}

/** A graph with places, from left to right. Of a node, its centre. */
export interface Layout {
  width: number
  height: number
  nodes: (Node & Point & { width: number; height: number })[]
  edges: (Edge & { points: Point[] })[]
}

const HEIGHT = 34
const SPACE = { between: 18, edges: 8, ranks: 64, margin: 8 }

/** Of a letter of the picture's font, on average; wide ones such as those of Chinese take two. */
const LETTER = 7.4

/** Behind all sinks, so that results stand in one column; it is not drawn. */
const END = ' end'

/** Pure. */
export async function layOut({ nodes, edges }: Graph): Promise<Layout> {
  const { Graph, layout } = await import('@dagrejs/dagre')
  const graph = new Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: SPACE.between, edgesep: SPACE.edges, ranksep: SPACE.ranks, marginx: SPACE.margin, marginy: SPACE.margin })
  for (const { id, kind, label } of nodes) graph.setNode(id, { width: widthOf(label, kind), height: kind === 'sink' ? HEIGHT - 8 : HEIGHT })
  const sinks = nodes.filter(({ kind }) => kind === 'sink')
  if (sinks.length > 0) graph.setNode(END, { width: 0, height: 0 })
  for (const { from, to } of edges) graph.setEdge(from, to, { weight: sinks.some(({ id }) => id === to) ? STIFF : 1 })
  for (const { id } of sinks) graph.setEdge(id, END, { weight: STIFF })
  layout(graph)
  const placed = nodes.map((node) => ({ ...node, ...box(graph.node(node.id)) }))
  const right = Math.max(0, ...placed.map(({ x, width }) => x + width / 2))
  const bottom = Math.max(0, ...placed.map(({ y, height }) => y + height / 2))
  return {
    width: Math.ceil(right + SPACE.margin),
    height: Math.ceil(bottom + SPACE.margin),
    nodes: placed,
    edges: edges.map((edge) => {
      const [from, to] = [graph.node(edge.from), graph.node(edge.to)].map(box) as [Box, Box]
      const between = (graph.edge(edge.from, edge.to).points as Point[]).slice(1, -1)
      return { ...edge, points: [{ x: from.x + from.width / 2, y: from.y }, ...between, { x: to.x - to.width / 2, y: to.y }] }
    }),
  }
}

/** Weight of an edge that is to be short. */
const STIFF = 8

type Box = Point & { width: number; height: number }

function box({ x, y, width, height }: Partial<Box>): Box {
  return { x: x ?? 0, y: y ?? 0, width: width ?? 0, height: height ?? 0 }
}

function widthOf(label: string, kind: NodeKind): number {
  const letters = [...label].reduce((sum, letter) => sum + (letter > '\u2e7f' ? 2 : 1), 0)
  return Math.ceil(letters * (kind === 'sink' ? LETTER * 0.9 : LETTER) + 28)
}

/** All that one node leads to, or, the other way, all that leads to it; without itself. */
export function reachable(edges: readonly Edge[], from: string): Set<string> {
  const found = new Set<string>()
  const visit = (id: string): void => {
    for (const { to } of edges.filter((edge) => edge.from === id)) {
      if (found.has(to)) continue
      found.add(to)
      visit(to)
    }
  }
  visit(from)
  return found
}
