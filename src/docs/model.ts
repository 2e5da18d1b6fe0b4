import { formatCount, formatDuration } from '../quantity.ts'
import { barChart, sparkline } from './chart.ts'
import type { Bar } from './chart.ts'
import type { Column, Described, Result, Test } from './describe.ts'
import type { Html } from './html.ts'
import { html, joined } from './html.ts'
import { KINDS, modelId, sourceId } from './lineage-picture.ts'
import { highlighted } from './sql.ts'

/** Rows of a result that are shown, and of which a chart is drawn. */
const SHOWN = { rows: 20, bars: 400, runs: 10, history: 60 }

export interface Context {
  /** The section of a model or a source by its name in SQL; undefined where it is none. */
  link(name: string): string | undefined
}

/** All that is known of one model. Pure. */
export function modelSection(model: Described, context: Context): Html {
  const { name, layer, file, description, grain, tags, accumulates, problem, result } = model
  const id = modelId(name)
  return html`<section id="${id}" aria-labelledby="${id}-name" data-words="${wordsOf(model)}">
<h2 id="${id}-name">${name} <span class="badge ${layer}">${KINDS[layer]}</span> ${lastStatus(model)}</h2>
${problem !== undefined && html`<p class="problem">${problem}</p>`}
${description === undefined ? html`<p class="quiet">No description: write one into ${layer === 'seeds' ? file.replace(/\.csv$/, '.yaml') : `the leading comment of ${file}`}.</p>` : html`<p>${description}</p>`}
<dl class="facts">
${fact('Grain', grain)}${fact('Accumulates', accumulates ?? (layer === 'metrics' ? 'computed anew each run' : undefined))}${fact('Tags', tags.join(', '))}
<div><dt>File</dt><dd class="mono">${file}</dd></div>
${model.sinks.length > 0 && html`<div><dt>Published as</dt><dd class="mono">${model.sinks.map(({ target }) => target).join(', ')}</dd></div>`}
</dl>
<div class="flow"><div><h3>Reads</h3>${names(model.reads, context, 'nothing')}</div><div><h3>Read by</h3>${names(model.readBy, context, 'no other model')}</div></div>
${columnsTable(model)}
${testsOf(model)}
${result && resultOf(result, { id, name })}
${historyOf(model)}
${model.sql !== '' && html`<details><summary>SQL</summary><pre tabindex="0">${highlighted(model.sql, linksOf(model, context))}</pre></details>`}
</section>
`
}

/** What a model is found by. */
export function wordsOf({ name, layer, description = '', tags, columns }: Described): string {
  return [name, KINDS[layer], description, ...tags, ...columns.map((column) => column.name)].join(' ').toLowerCase()
}

export function statusOf(status: string): Html {
  return html`<span class="status ${status}">${{ ok: '✓ ok', failed: '✗ failed', skipped: '– skipped' }[status] ?? status}</span>`
}

function lastStatus({ history: [last], layer }: Described): Html | undefined {
  if (last) return statusOf(last.status)
  return layer === 'metrics' ? html`<span class="badge">has not run</span>` : undefined
}

/** Where its SQL names what it reads; the same word elsewhere may be a column. */
function linksOf({ references }: Described, { link }: Context): Map<number, string> {
  return new Map(references.flatMap(({ name, offset }) => {
    const target = link(name)
    return target === undefined ? [] : [[offset, target] as const]
  }))
}

function fact(label: string, value: string | undefined): Html | undefined {
  return value === undefined || value === '' ? undefined : html`<div><dt>${label}</dt><dd>${value}</dd></div>
`
}

function names(of: readonly string[], { link }: Context, none: string): Html {
  if (of.length === 0) return html`<p class="quiet">${none}</p>`
  return html`<ul class="inline">${of.map((name) => html`<li><a href="${link(name) ?? `#${sourceId(name)}`}">${name}</a></li>`)}</ul>`
}

function columnsTable(model: Described): Html | undefined {
  const { columns } = model
  if (columns.length === 0) return undefined
  const tested = columns.some((column) => column.tests.length > 0)
  return html`<h3>Columns</h3>
<div class="scroll" tabindex="0" role="region" aria-label="Columns of ${model.name}"><table>
<thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Description</th>${tested && html`<th scope="col">Tests</th>`}</tr></thead>
<tbody>
${columns.map((column) => columnRow(column, model, tested))}</tbody></table></div>`
}

/** What is tested of it as a whole. */
function testsOf(model: Described): Html | undefined {
  const { tests, cases } = model
  if (tests.length + cases.length === 0) return undefined
  return html`<h3>Tests</h3>
<ul>${tests.map((test) => html`<li>${testList([test], model)}</li>`)}${cases.length > 0 && html`<li>Cases: ${cases.join(', ')}</li>`}</ul>`
}

function columnRow({ name, type, description, tests }: Column, model: Described, tested: boolean): Html {
  return html`<tr><th scope="row" class="mono">${name}</th><td class="mono">${type?.toLowerCase()}</td><td>${description}</td>${tested && html`<td>${testList(tests, model)}</td>`}</tr>
`
}

/** Each with what came of it when it was last looked at: in the last run that ran the model, or else by what `sluice test` has left. */
function testList(tests: readonly Test[], { history: [last] }: Described): Html {
  return joined(tests.map(({ name, text, severity, failures }) => {
    const result = last?.tests?.find((one) => one.name === name)
    const said = severity === 'warn' ? `${text} (a warning)` : text
    const rows = failures !== undefined && result?.status !== 'pass' && html` <span class="failed">rows in ${failures}</span>`
    if (!result) return html`${said}${rows}`
    const verdict = { pass: html`<span class="ok">✓ holds</span>`, warn: html`<span class="warn">⚠ ${broken(result.rows)}</span>`, fail: html`<span class="failed">✗ ${broken(result.rows)}</span>` }
    return html`${said} ${verdict[result.status]}${rows}`
  }), '; ')
}

function broken(rows: number | null): string {
  return rows === null ? 'could not be looked at' : `not for ${formatCount(rows)} ${rows === 1 ? 'row' : 'rows'}`
}

function resultOf(result: Result, { id, name }: { id: string; name: string }): Html {
  const { columns, rows, cut } = result
  const bars = barsOf(result)
  const [label = '', value = ''] = columns
  const numeric = columns.map((_, index) => rows.length > 0 && rows.every((row) => isNumber(row[index] ?? '')))
  const more = cut ? 'the first' : rows.length > SHOWN.rows ? `the first ${SHOWN.rows} of ${formatCount(rows.length)}` : formatCount(rows.length)
  return html`<h3>Last result</h3>
${bars && html`<div class="scroll" tabindex="0" role="region" aria-label="Chart of ${name}">${barChart(bars, { id: `${id}-chart`, label, value })}</div>`}
<div class="scroll" tabindex="0" role="region" aria-label="Rows of ${name}"><table>
<caption>${more} ${rows.length === 1 && !cut ? 'row' : 'rows'}${bars && bars.length < rows.length ? `; the chart has ${formatCount(bars.length)} of them` : ''}</caption>
<thead><tr>${columns.map((column, index) => html`<th scope="col" class="${numeric[index] ? 'number' : ''}">${column}</th>`)}</tr></thead>
<tbody>
${rows.slice(0, SHOWN.rows).map((row) => html`<tr>${row.map((cell, index) => html`<td class="${numeric[index] ? 'number' : 'result'}">${cell}</td>`)}</tr>
`)}</tbody></table></div>`
}

/** Of results that are (label, number, …). Of many that are ordered by time, the last ones. */
function barsOf({ columns, rows }: Result): Bar[] | undefined {
  if (columns.length < 2 || rows.length === 0 || !rows.every(([, value = '']) => isNumber(value))) return undefined
  const byTime = rows.every(([label = '']) => /^\d{4}-\d\d-\d\d/.test(label))
  return (byTime ? rows.slice(-SHOWN.bars) : rows.slice(0, SHOWN.bars)).map(([label = '', value]) => ({ label, value: Number(value) }))
}

function isNumber(text: string): boolean {
  return text !== '' && Number.isFinite(Number(text))
}

function historyOf({ name, history }: Described): Html | undefined {
  const [last] = history
  if (!last) return undefined
  const recent = history.slice(0, SHOWN.history).reverse()
  const times = recent.filter(({ status }) => status !== 'skipped').map(({ ms }) => ms)
  const counts = recent.flatMap(({ rows }) => rows ?? [])
  const of = (status: string): number => recent.filter((run) => run.status === status).length
  const said = ['ok', 'failed', 'skipped'].flatMap((status) => (of(status) > 0 ? `${of(status)} ${status}` : []))
  return html`<h3>Runs</h3>
<div class="strip" aria-hidden="true">${recent.map(({ status, start }) => html`<i class="${status}" title="${time(start)}: ${status}"></i>`)}</div>
<p>The last ${recent.length === 1 ? 'run' : `${recent.length} runs`}: ${said.join(', ')}.</p>
<div class="sparks">${spark('Time', times, formatDuration)}${spark('Rows', counts, formatCount)}</div>
<details><summary>The last ${Math.min(history.length, SHOWN.runs)} runs of ${name}</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Runs of ${name}"><table>
<thead><tr><th scope="col">Start</th><th scope="col">Status</th><th scope="col" class="number">Time</th><th scope="col" class="number">Rows</th><th scope="col">Notes</th></tr></thead>
<tbody>
${history.slice(0, SHOWN.runs).map(({ start, status, ms, rows, changed, problem, because }) => html`<tr><td class="time">${time(start)}</td><td>${statusOf(status)}</td><td class="number">${status === 'skipped' ? '' : formatDuration(ms)}</td><td class="number">${rows === undefined ? '' : formatCount(rows)}</td><td>${problem ?? (because === undefined ? (changed ? 'result changed' : '') : `needs ${because}`)}</td></tr>
`)}</tbody></table></div></details>`
}

function spark(label: string, values: readonly number[], format: (value: number) => string): Html | undefined {
  const last = values.at(-1)
  if (last === undefined) return undefined
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const range = low === high ? '' : `, ${format(low)} to ${format(high)}`
  return html`<div><span class="quiet">${label}: ${format(last)}${range}</span>${sparkline(values)}</div>`
}

/** `2026-07-04 14:38:08`. */
export function time(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ')
}
