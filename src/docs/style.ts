/** Of the page: two sets of colours, as the reader's system asks for, and a layout of one or two columns. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #fbfbfa; --raised: #ffffff; --text: #1f2328; --quiet: #5b636d; --line: #d9dde2; --accent: #0b62c4; --mark: #fff3c4;
  --ok: #1a7f37; --failed: #c2261d; --skipped: #8a6100; --bar: #4c8fd6;
  --source: #e9edf1; --seeds: #f3e8d2; --staging: #dcebfa; --metrics: #d9f0df; --edge: #aab3bd;
  --keyword: #8a2a9b; --string: #0f6b3a; --number: #9a4a00; --comment: #66707b; --function: #0b62c4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14171b; --raised: #1b1f24; --text: #e3e7ec; --quiet: #9aa4af; --line: #343b44; --accent: #6db3ff; --mark: #4a4013;
    --ok: #4cc26b; --failed: #ff7b72; --skipped: #d9a93a; --bar: #3f7fc4;
    --source: #2b323a; --seeds: #463a22; --staging: #1f3a56; --metrics: #1e4229; --edge: #566170;
    --keyword: #d59be2; --string: #7fcf9c; --number: #f0a868; --comment: #8b96a2; --function: #82bdff;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--raised); padding: .5rem 1rem; z-index: 1; }
header.page, footer.page { padding: 1rem 1.5rem; border-bottom: 1px solid var(--line); }
footer.page { border: 0; border-top: 1px solid var(--line); color: var(--quiet); }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.25rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .5rem 0; max-width: 75ch; }
.quiet { color: var(--quiet); }
.columns { display: grid; grid-template-columns: 15rem minmax(0, 1fr); align-items: start; max-width: 88rem; margin: 0 auto; }
nav { position: sticky; top: 0; max-height: 100vh; overflow-y: auto; padding: 1.5rem 1rem 1.5rem 1.5rem; }
nav h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .05em; color: var(--quiet); margin: 1rem 0 .25rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .1rem .4rem; border-radius: 4px; text-decoration: none; color: var(--text); }
nav a:hover { background: var(--line); }
nav input { width: 100%; font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--quiet); border-radius: 6px; padding: .35rem .5rem; }
main { padding: 1.5rem; min-width: 0; }
section { background: var(--raised); border: 1px solid var(--line); border-radius: 8px; padding: 1.25rem; margin-bottom: 1.5rem; }
section:target { border-color: var(--accent); }
[hidden] { display: none !important; }
.scroll { overflow-x: auto; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem 1.5rem; margin: 0; }
dl.facts div { min-width: 0; }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: 0; }
dl.facts dd { font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; font-size: .9rem; overflow-wrap: break-word; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); unicode-bidi: isolate; }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.mono, th.mono { white-space: nowrap; }
td.number, td.time { white-space: nowrap; }
td.result { max-width: 28rem; min-width: 8rem; overflow-wrap: anywhere; }
caption { text-align: left; color: var(--quiet); padding-bottom: .25rem; }
code, pre, .mono { font: .85rem/1.5 ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, monospace; }
pre { margin: 0; overflow-x: auto; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: 6px; background: var(--back); overflow-wrap: normal; tab-size: 2; }
details > summary { cursor: pointer; margin: 1.5rem 0 .5rem; font-weight: 700; }
.badge { display: inline-block; font-size: .75rem; font-weight: 600; padding: .05rem .5rem; border-radius: 99px; border: 1px solid var(--line); background: var(--source); color: var(--text); vertical-align: middle; white-space: nowrap; }
.badge.seeds { background: var(--seeds); }
.badge.staging { background: var(--staging); }
.badge.metrics { background: var(--metrics); }
.status { font-weight: 600; white-space: nowrap; }
.ok { color: var(--ok); }
.failed { color: var(--failed); }
.skipped, .warn { color: var(--skipped); }
.problem { border-left: 4px solid var(--failed); padding: .25rem .75rem; }
.warning { border-left: 4px solid var(--skipped); padding: .25rem .75rem; }
.flow { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 0 1.5rem; }
.inline { display: flex; flex-wrap: wrap; gap: .25rem .75rem; list-style: none; padding: 0; margin: 0; }
.sparks { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: end; }
.sparks > div { min-width: 0; }
svg text { font: 12.5px ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, monospace; fill: var(--text); }
svg.lineage { display: block; }
.edges path { fill: none; stroke: var(--edge); stroke-width: 1.5; }
.node rect { stroke: var(--edge); }
.node.source rect { fill: var(--source); }
.node.seeds rect { fill: var(--seeds); }
.node.staging rect { fill: var(--staging); }
.node.metrics rect { fill: var(--metrics); }
.node.sink rect { fill: var(--raised); stroke-dasharray: 3 3; }
.node.sink text { font-size: 11px; fill: var(--quiet); }
a.node:hover rect, a.node:focus-visible rect { stroke: var(--accent); stroke-width: 2; }
.marked .node:not(.on) { opacity: .3; }
.marked .edges path:not(.on) { opacity: .2; }
.marked .edges path.on { stroke: var(--accent); }
svg.chart { display: block; width: 100%; min-width: 30rem; max-width: 44rem; height: auto; margin-bottom: .75rem; }
.chart .bar { fill: var(--bar); }
.chart .value, .chart .label { fill: var(--quiet); font-size: 11.5px; }
svg.spark { display: block; }
.spark polyline { fill: none; stroke: var(--bar); stroke-width: 1.5; }
.spark circle { fill: var(--bar); }
.strip { display: flex; gap: 2px; height: 14px; margin: .25rem 0; }
.strip i { width: 6px; border-radius: 2px; background: var(--ok); }
.strip .failed { background: var(--failed); }
.strip .skipped { background: var(--skipped); }
.keyword { color: var(--keyword); }
.string { color: var(--string); }
pre .number { color: var(--number); }
.comment { color: var(--comment); font-style: italic; }
.function { color: var(--function); }
@media (max-width: 50rem) {
  .columns { display: block; }
  nav { position: static; max-height: none; padding: 1rem 1rem 0; }
  nav ul { display: flex; flex-wrap: wrap; }
  main, header.page, footer.page { padding: 1rem; }
  section { padding: 1rem; }
  dl.facts { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
}
@media print {
  nav, .skip { display: none; }
  .columns { display: block; }
  section { break-inside: avoid; }
}
`
