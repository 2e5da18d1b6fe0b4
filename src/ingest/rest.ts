import { canonicalTime, isAddress, LONGEST_PARTED } from '../lake/derived.ts'
import { items, members } from './json.ts'
import { holdsNaN } from './lenient.ts'

/**
 * What of a record no column holds, `rest`: in SQL and in JavaScript, with the same result, but that an escape that need not be one
 * (\u0061) may leave a record whole in JavaScript.
 *
 * A record of nothing but $type, the members that columns hold, and those of KEPT, is parted; any other stays whole, so that
 * DERIVED.record (`lake/derived.ts`) gives back every one exactly. In SQL, `rest` is put together from what json_transform finds, and
 * the lengths tell: if they add up to that of the record, there was nothing else in it, no other key and none twice, since none counts for
 * more than it has there. A text that is no string and an address without its scheme are not counted, and so leave the record whole.
 *
 * Per line, one core, less what it saves to write: 0.5 µs of 5. json_merge_patch with keys to take away, and json_type to be sure of them: 1.7.
 */

/** Members that have no column. */
const KEPT = ['embed', 'facets', 'labels', 'tags', 'via', 'list']

/** As json_transform takes it, for `r`. Texts that may have been something else than a string are JSON, which tells. */
export const RECORD_FIELDS = JSON.stringify({
  $type: 'JSON',
  createdAt: 'VARCHAR',
  subject: 'VARCHAR',
  text: 'JSON',
  langs: 'JSON',
  reply: { root: 'JSON', parent: { cid: 'JSON', uri: 'VARCHAR' } },
  ...Object.fromEntries(KEPT.map((key) => [key, 'JSON'])),
})

/** As json_transform takes it, for `subject`: that of `r` where it is an object. */
export const SUBJECT_FIELDS = JSON.stringify({ uri: 'VARCHAR', cid: 'JSON' })

/** By how many bytes a record is longer than $type, its subject and what columns hold: 0 where that is all. From `r`, `subject` and columns. */
export const SURPLUS = `strlen(record) - strlen('{"$type":}') - strlen(r."$type")
  - CASE WHEN ${isAddress('subject_uri')} THEN strlen(subject_uri)
      + CASE WHEN subject IS NULL THEN strlen(',"subject":""') ELSE strlen(',"subject":{"cid":,"uri":""}') + strlen(subject.cid) END ELSE 0 END
  - CASE WHEN r."createdAt" = ${canonicalTime('created_at')} THEN strlen(',"createdAt":""') + strlen(r."createdAt") ELSE 0 END
  - CASE WHEN starts_with(r.text, '"') THEN strlen(',"text":') + strlen(r.text) ELSE 0 END
  - CASE WHEN r.langs IS NOT NULL AND to_json(langs) = r.langs THEN strlen(',"langs":') + strlen(r.langs) ELSE 0 END
  - CASE WHEN ${isAddress('reply_parent')} THEN strlen(',"uri":""') + strlen(reply_parent) ELSE 0 END`

/** Members beside $type and subject, as they stand between the braces of an object; null where there are none. */
export const MORE = `nullif(concat_ws(',', ${KEPT.map((key) => `'"${key}":' || r."${key}"`).join(', ')},
  CASE WHEN ${isAddress('reply_parent')} THEN '"reply":{"parent":{"cid":' || r.reply.parent.cid || '},"root":' || r.reply.root || '}' END), '')`

const HEAD = `'{"$type":', r."$type", CASE WHEN subject IS NOT NULL THEN ',"subject":{"cid":' || subject.cid || '}' END`

/** From `surplus` and `more`; strictly: an error where a whole record holds NaN or Infinity. */
export function restIn({ strictly }: { strictly: boolean }): string {
  const whole = strictly ? `CASE WHEN ${holdsNaN('record')} THEN error('not JSON') ELSE record END` : 'record'
  return `CASE WHEN strlen(record) > ${LONGEST_PARTED} THEN ${whole}
  WHEN surplus = 0 THEN concat(${HEAD}, '}')
  WHEN surplus = strlen(more) + 1 THEN concat(${HEAD}, ',', more, '}')
  ELSE ${whole} END`
}

const SUBJECT = `CASE WHEN starts_with(r.subject, '{') THEN try(json_transform(r.subject, '${SUBJECT_FIELDS}')) END`

/**
 * Rows of a file, as SQL, that may have the record whole in `rest`: with what their columns hold left out of it. Columns that another version made
 * count only where they say what is in the record.
 */
export function partedRows(rows: string): string {
  return `(SELECT * EXCLUDE (record, r, subject, agrees, surplus, more) REPLACE (CASE WHEN agrees THEN ${restIn({ strictly: false })} ELSE record END::VARCHAR AS rest)
  FROM (SELECT *, CASE WHEN surplus > 0 THEN ${MORE} END AS more
    FROM (SELECT *, ${SURPLUS} AS surplus, ${AGREES} AS agrees
      FROM (SELECT *, ${SUBJECT} AS subject
        FROM (SELECT *, json_transform(rest, '${RECORD_FIELDS}') AS r, rest AS record FROM ${rows})))))`
}

const AGREES = `text IS NOT DISTINCT FROM (r.text ->> '$') AND reply_parent IS NOT DISTINCT FROM r.reply.parent.uri
  AND subject_uri IS NOT DISTINCT FROM CASE WHEN starts_with(r.subject, '{') THEN subject.uri ELSE r.subject END`

/** `record` is minified JSON, `fields` its members, `created` whether there is a time in created_at. */
export function restOf(record: string, fields: [key: string, value: string][] | undefined, created: boolean): string {
  if (fields === undefined || Buffer.byteLength(record) > LONGEST_PARTED) return record
  const keys = fields.map(([key]) => key)
  if (!keys.includes('$type') || new Set(keys).size < keys.length) return record
  const parted = fields.map(([key, value]) => [key, restOfMember(key, value, created)] as const)
  if (parted.some(([, rest]) => rest === undefined)) return record
  return `{${parted.flatMap(([key, rest]) => (rest === '' ? [] : `${JSON.stringify(key)}:${rest}`)).join(',')}}`
}

/** Empty where a column holds all of it, undefined where the record has to stay whole. */
function restOfMember(key: string, value: string, created: boolean): string | undefined {
  switch (key) {
    case 'text':
      return value.startsWith('"') ? '' : undefined
    case 'langs':
      return items(value)?.every((item) => item.startsWith('"') || item === 'null') ? '' : undefined
    case 'createdAt':
      return created && isCanonical(value) ? '' : undefined
    case 'subject':
      return ADDRESS.test(value) ? '' : restOfReference(value)
    case 'reply': {
      const [parent, root] = valuesOf(value, 'parent', 'root') ?? []
      const rest = parent && restOfReference(parent)
      return rest && `{"parent":${rest},"root":${root}}`
    }
    default:
      return (key === '$type' || KEPT.includes(key)) && value !== 'null' ? value : undefined
  }
}

/** A JSON text with an address, without an escape. */
const ADDRESS = /^"(?:at:\/\/|did:)[^\\]*$/

function restOfReference(json: string): string | undefined {
  const [cid, uri] = valuesOf(json, 'cid', 'uri') ?? []
  return cid && uri && ADDRESS.test(uri) ? `{"cid":${cid}}` : undefined
}

/** The values of an object that has these keys, each once, none null, and no other. */
function valuesOf(json: string, ...keys: string[]): string[] | undefined {
  const fields = members(json) ?? []
  const values = keys.flatMap((wanted) => fields.find(([key, value]) => key === wanted && value !== 'null')?.[1] ?? [])
  return fields.length === keys.length && values.length === keys.length ? values : undefined
}

/** True of a JSON text with a time as toISOString writes it, of a year of four digits. */
function isCanonical(json: string): boolean {
  const time = Date.parse(json.slice(1, -1))
  return /^"\d{4}-/.test(json) && !Number.isNaN(time) && `"${new Date(time).toISOString()}"` === json
}
