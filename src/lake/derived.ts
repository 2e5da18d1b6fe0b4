/**
 * A value stands in a file of the lake once. A record's text, langs, createdAt, the address of its subject and that of what it replies to have
 * columns of their own; `rest` is the record without them, where they can be put back exactly as they were (`ingest/rest.ts`), and otherwise whole.
 * What follows from that is made for those who ask: files that held these columns too had 1.4 times the bytes.
 */

/**
 * Longer records stand in `rest` whole: json_merge_patch goes down into what it keeps, on the stack, and of so many bytes
 * that is 2,048 levels at the most. 200,000 end the process.
 */
export const LONGEST_PARTED = 4_096

/** As JavaScript's toISOString writes it, for strftime. */
const CANONICAL_TIME = '%Y-%m-%dT%H:%M:%S.%gZ'

/** The text of a time in UTC as JavaScript's toISOString writes it. */
export function canonicalTime(instant: string, format = CANONICAL_TIME): string {
  return `strftime(make_timestamp(epoch_us(${instant})), '${format}')`
}

/** True of a text that is an address, which no number, list or object is. */
export function isAddress(text: string): string {
  return `(starts_with(${text}, 'at://') OR starts_with(${text}, 'did:'))`
}

const absent = (path: string): string => `NOT json_exists(rest, '${path}')`

/** Columns that no file holds, from those of a file. */
export const DERIVED = {
  /** Whose it is that subject_uri points at, or who. */
  subject_did: {
    type: 'VARCHAR',
    sql: `CASE WHEN starts_with(subject_uri, 'at://') THEN split_part(subject_uri, '/', 3) WHEN starts_with(subject_uri, 'did:') THEN subject_uri END`,
  },
  /** The record, whole, with its members in any order. */
  record: {
    type: 'JSON',
    sql: `CASE WHEN strlen(rest) <= ${LONGEST_PARTED} AND starts_with(rest, '{') THEN json_merge_patch(rest, '{' || concat_ws(',',
      CASE WHEN ${absent('$.text')} THEN '"text":' || to_json(text) END,
      CASE WHEN ${absent('$.langs')} THEN '"langs":' || to_json(langs) END,
      CASE WHEN ${absent('$.createdAt')} THEN ${canonicalTime('created_at', `"createdAt":"${CANONICAL_TIME}"`)} END,
      CASE WHEN ${absent('$.reply.parent.uri')} THEN '"reply":{"parent":{"uri":' || to_json(reply_parent) || '}}' END,
      CASE WHEN ${absent('$.subject')} AND ${absent('$.uri')} THEN '"subject":' || to_json(subject_uri)
        WHEN json_type(rest, '$.subject') = 'OBJECT' AND ${absent('$.subject.uri')} THEN '"subject":{"uri":' || to_json(subject_uri) || '}' END
    ) || '}') ELSE rest::JSON END`,
  },
} as const

/** Of a SELECT list, behind the columns of a file. */
export const DERIVED_COLUMNS = Object.entries(DERIVED).map(([name, { sql }]) => `${sql} AS ${name}`).join(', ')
