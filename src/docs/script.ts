/** Of the page: it works without. Narrows what is listed to what is typed, and marks in the picture what a model reads and what reads it. */
export const SCRIPT = `
const box = document.querySelector('#filter')
const found = document.querySelector('#found')
const items = [...document.querySelectorAll('[data-words]')]
box.closest('form').hidden = false
function narrow() {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean)
  let count = 0
  for (const item of items) {
    item.hidden = !words.every((word) => item.dataset.words.includes(word))
    if (!item.hidden && item.tagName === 'SECTION') count++
  }
  found.textContent = words.length === 0 ? '' : count === 1 ? '1 model' : count + ' models'
}
box.addEventListener('input', narrow)
box.closest('form').addEventListener('submit', (event) => event.preventDefault())
addEventListener('hashchange', () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (target && target.hidden) {
    box.value = ''
    narrow()
    target.scrollIntoView()
  }
})

const picture = document.querySelector('svg.lineage')
const edges = [...picture.querySelectorAll('[data-from]')]
function reach(id, from, to) {
  const seen = new Set([id])
  for (const one of seen) for (const edge of edges) if (edge.dataset[from] === one) seen.add(edge.dataset[to])
  return seen
}
function mark(id) {
  picture.classList.toggle('marked', id !== undefined)
  const below = reach(id, 'to', 'from')
  const above = reach(id, 'from', 'to')
  for (const node of picture.querySelectorAll('[data-node]')) node.classList.toggle('on', below.has(node.dataset.node) || above.has(node.dataset.node))
  for (const { dataset, classList } of edges) {
    const on = (below.has(dataset.from) && below.has(dataset.to)) || (above.has(dataset.from) && above.has(dataset.to))
    classList.toggle('on', on)
  }
}
for (const node of picture.querySelectorAll('[data-node]')) {
  for (const event of ['pointerenter', 'focus']) node.addEventListener(event, () => mark(node.dataset.node))
  for (const event of ['pointerleave', 'blur']) node.addEventListener(event, () => mark(undefined))
}
`
