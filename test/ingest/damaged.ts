/** Lines of all three shapes with values put in, taken out, exchanged, and some cut off or changed as texts. */
export function damaged(sample: readonly string[], count: number, next: () => number): string[] {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T
  const values = [
    'x', '', null, 5, -5, 0, 1.5, true, {}, [], { a: null, b: { c: 1 } }, [null, 'a', { z: 2 }], 'did:plc:abc', 'at://did:x/y/z', 'at://', '{oops',
    'é😀', '\0', 'a/b', '2024-01-01', '2024-02-30T00:00:00Z', '2026-07-04 14:38:08', '2026-07-04T14:38:08+05:30', '2024-10-27 02:30:00',
    '2024-03-31T02:30:00', '2019-01-01T00:00:00Z', '2099-01-01T00:00:00Z', 1783175888085434, '1783175888085434', 'infinity', 'message', 'commit',
    'identity', 'account', 'a.b#sync', 'create', 'delete', '2026-07-04T14:38:08.1234567Z', '2026-07-04T14:38Z', '2026-07-04 14:38:08 America/New_York',
  ]
  const keys = [
    'timestamp', 'action', 'path', 'cid', 'prev', 'py_type', 'record', 'repo', 'rev', 'time_us', 'kind', 'did', 'identity', 'account', '$type', 'commit',
    'payload', 'seq', 'witnessedAt', 'sync', 'foo', 'collection', 'rkey', 'operation', 'time', 'subject', 'text', 'langs', 'reply', 'createdAt', 'uri', 'parent',
  ]
  type Json = Record<string, unknown>
  const shaped = (line: string): Json => {
    const event = JSON.parse(line) as Json & { time_us: number; commit?: Json }
    const { commit } = event
    // Most events are unlike all others.
    if (commit) commit['rev'] = `${commit['rev']}${Math.floor(next() * 5000)}`
    const body = commit ?? (event[event['kind'] as string] as Json)
    const timestamp = new Date(event.time_us / 1000).toISOString()
    switch (pick(['v1', 'v2', 'plain'])) {
      case 'v2':
        return { $type: 'message', payload: { $type: `a.b#${event['kind']}`, seq: 1e16, did: event['did'], time: timestamp, ...(commit ?? { [event['kind'] as string]: body }) } }
      case 'plain':
        return {
          timestamp, action: commit?.['operation'], path: commit && `${commit['collection']}/${commit['rkey']}`, cid: commit?.['cid'],
          record: commit ? commit['record'] : body, repo: event['did'], rev: commit?.['rev'], time_us: Math.floor(event.time_us / 1000) * 1000, kind: event['kind'],
        }
      default:
        return event
    }
  }
  const objectsIn = (value: unknown): Json[] => {
    if (typeof value !== 'object' || value === null) return []
    return [...(Array.isArray(value) ? [] : [value as Json]), ...Object.values(value).flatMap(objectsIn)]
  }
  const cut = (text: string): string => {
    const at = Math.floor(next() * text.length)
    const token = pick(['"', '{', '}', ':', '\\', '\\u0041', '\\ud83d', '\\ude00', '\\ud83d\\ude00', ' ', '\t', '1e5', '\u0001', '[', ']', '\\\\ud83d', ', ', ',\t', ':NaN,', ':-inf ', '\v'])
    switch (pick(['end', 'insert', 'remove', 'space', 'twice', 'number', 'comma'])) {
      case 'end':
        return text.slice(0, at)
      case 'insert':
        return text.slice(0, at) + token + text.slice(at)
      case 'remove':
        return text.slice(0, at) + text.slice(at + 1)
      case 'number':
        return text.replace(/"[^"]*"([,}])/g, (value, end) => (next() < 0.1 ? `${pick(['NaN', '-Infinity', 'inf'])}${end}` : value))
      case 'comma':
        return text.replace(/[}\]]/g, (bracket) => (next() < 0.2 ? `,${pick(['', ' ', ' \t '])}${bracket}` : bracket))
      case 'space':
        return JSON.stringify(JSON.parse(text), null, 1).replaceAll('\n', pick([' ', '\t', '\r']))
      default:
        return text.replace(/"([a-z_]+)":/, (key) => `${key}${JSON.stringify(pick(values))},${key}`)
    }
  }
  const lines: string[] = []
  while (lines.length < count) {
    const event = shaped(pick(sample))
    for (let changes = Math.floor(next() * 3); changes > 0; changes--) {
      const object = next() < 0.5 ? event : pick(objectsIn(event))
      const key = next() < 0.5 ? pick(keys) : pick(Object.keys(object))
      if (next() < 0.25) delete object[key]
      else object[key] = structuredClone(pick(values))
    }
    const text = next() < 0.3 ? cut(JSON.stringify(event)) : JSON.stringify(event)
    // Half a surrogate pair is no UTF-8 to write to a pipe.
    const isSame = !/\p{Surrogate}/u.test(text)
    if (isSame && text.trim() !== '' && !/[\r\n]$/.test(text)) lines.push(text)
  }
  return lines
}
