import type { Documentation } from './describe.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'
import type { Graph, Layout, Node, NodeKind, Point } from './lineage.ts'

export const KINDS: Record<NodeKind, string> = { source: 'source', seeds: 'seed', staging: 'staging', metrics: 'metric', sink: 'sink' }

/** What is drawn of the models: each, the sources that any of them reads, and a sink of each result. */
export function lineageOf({ models }: Pick<Documentation, 'models'>): Graph {
  const names = new Set(models.map(({ name }) => name))
  const sources = [...new Set(models.flatMap(({ reads }) => reads.filter((name) => !names.has(name))))]
  const sinks = models.flatMap(({ name, sinks }) => sinks.map(({ kind }) => ({ model: name, kind })))
  return {
    nodes: [
      ...sources.map((name): Node => ({ id: sourceId(name), kind: 'source', label: name })),
      ...models.map(({ name, layer }): Node => ({ id: modelId(name), kind: layer, label: name })),
      ...sinks.map(({ model, kind }): Node => ({ id: sinkId(model, kind), kind: 'sink', label: kind })),
    ],
    edges: [
      ...models.flatMap(({ name, reads }) => reads.map((read) => ({ from: names.has(read) ? modelId(read) : sourceId(read), to: modelId(name) }))),
      ...sinks.map(({ model, kind }) => ({ from: modelId(model), to: sinkId(model, kind) })),
    ],
  }
}

/** Also the anchor of a model's section; names are letters, digits, _ and -. */
export function modelId(name: string): string {
  return `model-${name}`
}

export function sourceId(name: string): string {
  return `source-${name}`
}

function sinkId(model: string, kind: string): string {
  return `sink-${kind}-${model}`
}

/** `about` says in words what stands in a model's section. */
export function lineagePicture({ width, height, nodes, edges }: Layout, about: (id: string) => string): Html {
  const boxes = nodes.filter(({ kind }) => kind !== 'sink')
  const words = `${boxes.length} models and sources, from what is read on the left to results on the right; each is a link to its description.`
  return html`<svg class="lineage" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="group" aria-labelledby="lineage-title lineage-desc">
<title id="lineage-title">Lineage of the models</title><desc id="lineage-desc">${words}</desc>
<g class="edges" aria-hidden="true">
${edges.map(({ from, to, points }) => html`<path d="${curve(points)}" data-from="${from}" data-to="${to}"/>
`)}</g>
${nodes.map((node) => box(node, about(node.id)))}</svg>`
}

function box({ id, kind, label, x, y, width, height }: Layout['nodes'][number], about: string): Html {
  const shape = html`<rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="${kind === 'sink' ? height / 2 : 6}"/>
<text x="${x}" y="${y}" dy="0.35em" text-anchor="middle">${label}</text>`
  const name = `${label}, ${KINDS[kind]}`
  if (kind === 'sink') return html`<g class="node sink" data-node="${id}"><title>${name}</title>${shape}</g>
`
  return html`<a class="node ${kind}" href="#${id}" data-node="${id}" aria-label="${name}"><title>${about === '' ? name : about}</title>${shape}</a>
`
}

/** Through the points of the layout, level at each. */
function curve(points: readonly Point[]): string {
  const at = ({ x, y }: Point): string => `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`
  return points
    .map((to, index) => {
      const from = points[index - 1]
      if (!from) return `M${at(to)}`
      const middle = (from.x + to.x) / 2
      return `C${at({ x: middle, y: from.y })} ${at({ x: middle, y: to.y })} ${at(to)}`
    })
    .join('')
}
