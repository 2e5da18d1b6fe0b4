import { createHash } from 'node:crypto'
import { outcomeOf } from '../check/runs.ts'
import { formatBytes, formatCount, formatDuration } from '../quantity.ts'
import { describeFreshness } from '../query/freshness.ts'
import type { RunRecord } from '../query/record.ts'
import type { Described, Documentation } from './describe.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'
import { layOut } from './lineage.ts'
import { KINDS, lineageOf, lineagePicture, modelId, sourceId } from './lineage-picture.ts'
import { modelSection, time, wordsOf } from './model.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

/** One page, whole in itself. Pure. */
export async function page(documentation: Documentation): Promise<string> {
  const { made, lake, models, problems } = documentation
  const graph = lineageOf(documentation)
  const sources = graph.nodes.filter(({ kind }) => kind === 'source').map(({ label }) => label)
  const byId = new Map(models.map((model) => [modelId(model.name), model]))
  const about = (id: string): string => byId.get(id)?.description ?? ''
  const keys = new Map([...sources.map((name) => [name.toLowerCase(), `#${sourceId(name)}`] as const), ...models.map(({ name }) => [name.toLowerCase(), `#${modelId(name)}`] as const)])
  const link = (name: string): string | undefined => keys.get(name.toLowerCase())
  const { markup } = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="sluice docs">
<title>Models of ${lake}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the models</a>
<header class="page"><h1>Models of ${lake}</h1><p class="quiet">As of ${time(made.toISOString())} UTC</p></header>
<div class="columns">
${navigation(models)}
<main id="main" tabindex="-1">
${glance(documentation)}
<section id="lineage" aria-labelledby="lineage-heading"><h2 id="lineage-heading">Lineage</h2>
${legend()}
<div class="scroll" tabindex="0" role="region" aria-label="Picture of the lineage">${lineagePicture(await layOut(graph), about)}</div></section>
${problems.length > 0 && html`<section aria-labelledby="problems"><h2 id="problems">Files that are no models</h2>${problems.map((problem) => html`<p class="problem">${problem}</p>`)}</section>`}
${listed(models).flatMap(({ of }) => of.map((model) => modelSection(model, { link })))}
${sources.map((name) => sourceSection(name, documentation, link))}
</main>
</div>
<footer class="page"><p>Written by <code>sluice docs</code> for readers without a server: this file needs no other.</p></footer>
<script>${raw(SCRIPT)}</script>
</body>
</html>
`
  return markup
}

/** No script or style but the page's own runs in it, and nothing is fetched. */
function policy(): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  return `default-src 'none'; style-src ${hash(STYLE)}; script-src ${hash(SCRIPT)}; base-uri 'none'; form-action 'none'`
}

/** Text of this program's own. */
function raw(markup: string): Html {
  return { markup }
}

function navigation(models: readonly Described[]): Html {
  return html`<nav aria-label="Models">
<form role="search" hidden><label for="filter" class="quiet">Filter models</label>
<input id="filter" type="search" autocomplete="off"><p id="found" class="quiet" role="status"></p></form>
<ul><li><a href="#glance">At a glance</a></li><li><a href="#lineage">Lineage</a></li></ul>
${listed(models).map(({ layer, of }) => html`<h2>${KINDS[layer]}</h2>
<ul>${of.map((model) => html`<li data-words="${wordsOf(model)}"><a href="#${modelId(model.name)}">${model.name}</a></li>`)}</ul>
`)}</nav>`
}

/** Results first: they are what most readers come for. */
function listed(models: readonly Described[]): { layer: Described['layer']; of: Described[] }[] {
  const byName = [...models].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  return (['metrics', 'staging', 'seeds'] as const).map((layer) => ({ layer, of: byName.filter((model) => model.layer === layer) })).filter(({ of }) => of.length > 0)
}

function legend(): Html {
  return html`<p>${(['source', 'seeds', 'staging', 'metrics'] as const).map((kind) => html`<span class="badge ${kind}">${KINDS[kind]}</span> `)}</p>`
}

function glance({ lake, status, runs, made }: Documentation): Html {
  const { files, rows, bytes, hours, newest, rejects, warnings } = status
  const fact = (label: string, value: string | Html): Html => html`<div><dt>${label}</dt><dd>${value}</dd></div>
`
  const [last] = runs
  return html`<section id="glance" aria-labelledby="glance-heading"><h2 id="glance-heading">At a glance</h2>
<dl class="facts">
${fact('Lake', files === 0 ? `${lake}: empty` : lake)}${fact('Events', formatCount(rows))}${fact('Files', `${formatCount(files)}, ${formatBytes(bytes)}`)}${fact('Hours', `${formatCount(hours.all)}, ${formatCount(hours.open)} open`)}
${newest !== null && fact('Newest event', `${time(newest)} (${ago(newest, made)})`)}${fact('Rejected lines', rejects === null ? 'unreadable' : formatCount(rejects.count))}
${(status.freshness ?? []).map((one) => fact(`Age of ${one.of}`, describeFreshness(one)))}
${fact('Last run', last ? `${time(last.start)} (${ago(last.start, made)})` : 'none on record')}${last && fact('Its results', outcomeOf(last))}
</dl>
${last?.error !== undefined && html`<p class="problem">${last.error}</p>`}
${warnings.map((warning) => html`<p class="warning">${warning}</p>`)}
${runs.length > 0 && runsTable(runs)}</section>
`
}

/** Of all runs on record, so many are listed. */
const RUNS = 10

function runsTable(runs: readonly RunRecord[]): Html {
  return html`<details><summary>The last ${Math.min(RUNS, runs.length)} runs</summary>
<div class="scroll" tabindex="0" role="region" aria-label="The last runs"><table>
<thead><tr><th scope="col">Start</th><th scope="col" class="number">Took</th><th scope="col">Models</th><th scope="col" class="number">Events</th><th scope="col">Results that changed</th></tr></thead>
<tbody>
${runs.slice(0, RUNS).map((run) => html`<tr><td class="time">${time(run.start)}</td><td class="number">${formatDuration(Date.parse(run.end) - Date.parse(run.start))}</td><td>${outcomeOf(run)}</td><td class="number">${run.lake === null ? '' : formatCount(run.lake.events)}</td><td>${run.models.flatMap(({ name, changed }) => (changed ? name : [])).join(', ')}${run.error !== undefined && html` <span class="failed">${run.error}</span>`}</td></tr>
`)}</tbody></table></div></details>`
}

function sourceSection(name: string, { models, events }: Documentation, link: (name: string) => string | undefined): Html {
  const id = sourceId(name)
  const readers = models.filter(({ reads }) => reads.includes(name)).map((model) => model.name)
  return html`<section id="${id}" aria-labelledby="${id}-name"><h2 id="${id}-name">${name} <span class="badge source">source</span></h2>
<p>${events ?? 'One row per event of the lake, and date and hour of its partition.'}</p>
<h3>Read by</h3><ul class="inline">${readers.map((reader) => html`<li><a href="${link(reader)}">${reader}</a></li>`)}</ul></section>
`
}

function ago(iso: string, now: Date): string {
  const age = now.getTime() - Date.parse(iso)
  return age < 0 ? `${formatDuration(-age)} ahead of this clock` : `${formatDuration(age)} before`
}
