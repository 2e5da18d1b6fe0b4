import type { Html } from './html.ts'
import { html } from './html.ts'

type Kind = 'comment' | 'string' | 'number' | 'keyword' | 'function' | 'name' | 'other'

interface Token {
  kind: Kind
  text: string
}

const KEYWORDS = new Set(
  ('all and any as asc between by case cast cross current desc distinct else end except exists false filter first following for from full group having in inner '
    + 'intersect interval is join lateral left like limit natural not null nulls last offset on or order outer over partition preceding qualify range recursive '
    + 'right row rows select semi then true unbounded union unnest using values when where window with within').split(' '),
)

const TOKEN = /(--[^\n]*|\/\*[^]*?(?:\*\/|$))|('(?:[^']|'')*(?:'|$))|("(?:[^"]|"")*(?:"|$))|(\d+(?:\.\d+)?(?:e[+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_]*)|([^])/giu

/** The tokens of a text of SQL, as far as colours need them: together they are the text. */
export function tokens(sql: string): Token[] {
  return [...sql.matchAll(TOKEN)].map(({ 0: text, 1: comment, 2: string, 3: quoted, 4: number, 5: word, index }) => {
    if (comment !== undefined) return { kind: 'comment', text }
    if (string !== undefined) return { kind: 'string', text }
    if (number !== undefined) return { kind: 'number', text }
    if (quoted !== undefined) return { kind: 'name', text }
    if (word === undefined) return { kind: 'other', text }
    if (KEYWORDS.has(word.toLowerCase())) return { kind: 'keyword', text }
    return { kind: /^\s*\(/.test(sql.slice(index + text.length)) ? 'function' : 'name', text }
  })
}

/** SQL in colours; a name at one of these places in the text leads there. */
export function highlighted(sql: string, links: ReadonlyMap<number, string>): Html {
  let at = 0
  return html`${tokens(sql).map(({ kind, text }) => {
    const target = kind === 'other' ? undefined : links.get(at)
    at += text.length
    if (target !== undefined) return html`<a href="${target}">${text}</a>`
    return kind === 'name' || kind === 'other' ? text : html`<span class="${kind}">${text}</span>`
  })}`
}
