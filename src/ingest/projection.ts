import { quote } from '../duckdb.ts'
import { MORE, RECORD_FIELDS, restIn, SUBJECT_FIELDS, SURPLUS } from './rest.ts'
import { timeIn, WITH_URI } from './shape.ts'

/**
 * What the two ways from lines to rows have in common: `strict.ts` reads a segment whose every line is a plain valid event,
 * `careful.ts` takes any lines one by one and says of each what it is or why it is rejected. Both give the same rows.
 *
 * Measured, one core, 200,000 lines: strict 640 ms; parsing whole lines and looking at their keys 820 ms;
 * materialising the batch before writing it 800 ms.
 */

/** Events before 2020 or more than a day ahead are rejected: one such line must not create a partition. */
const EARLIEST = "TIMESTAMPTZ '2020-01-01 00:00:00+00'"

const DAY_MS = 86_400_000

/** What created_at may be: readers in other languages stumble over years outside of these. */
const YEARS = "TIMESTAMPTZ '0001-01-01 00:00:00+00' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'"

/** The address that a like without a subject holds itself. `surplus` counts it as one of a subject, which is longer: such a record stays whole. */
const OWN_URI = `CASE WHEN ${WITH_URI.map((collection) => `starts_with(path, '${collection}/')`).join(' OR ')}
    THEN CASE WHEN starts_with(record ->> '$.uri', 'at://') THEN record ->> '$.uri' END END`

/** A text that looks like an object is no subject. It has quotes to escape, so that its record stays whole. */
const SUBJECT = `CASE WHEN subject IS NULL OR surplus = 0 OR surplus = strlen(more) + 1 THEN subject_uri
    WHEN json_type(record, '$.subject') = 'OBJECT' THEN subject_uri END`

/** True of an event_time that is not absurd. `now` in ms since 1970. */
export function isPossible(now: number): string {
  return `event_time BETWEEN ${EARLIEST} AND TIMESTAMPTZ ${quote(new Date(now + DAY_MS).toISOString())}`
}

/** The columns of EVENTS from `source`, which has event_time, kind, action, did, path, slash (the place of the first one in path), cid, rev, record and extra. */
export function typed(source: string, options: { ingestedAt: Date; careful: boolean }): string {
  const subject = `json_transform(r.subject, '${SUBJECT_FIELDS}')`
  return `
SELECT ${options.careful ? 'n, ' : ''}event_time, kind, action, did, CASE WHEN slash = 0 THEN path ELSE substring(path, 1, slash - 1) END AS collection,
  substring(path, slash + 1) AS rkey, cid, rev, ${SUBJECT} AS subject_uri, text, langs, reply_parent, created_at,
  (${restIn({ strictly: !options.careful })})::VARCHAR AS rest, extra::VARCHAR AS extra,
  TIMESTAMPTZ ${quote(options.ingestedAt.toISOString())} AS ingested_at
FROM (
  SELECT *, CASE WHEN surplus > 0 THEN ${MORE} END AS more
  FROM (
    SELECT *, ${SURPLUS} AS surplus
    FROM (
      SELECT *,
        CASE WHEN r.text IS NOT NULL THEN r.text ->> '$' END AS text,
        CASE WHEN r.langs IS NOT NULL THEN json_transform(r.langs, '["VARCHAR"]') END AS langs,
        r.reply.parent.uri AS reply_parent,
        CASE WHEN created BETWEEN ${YEARS} THEN created END AS created_at
      FROM (
        SELECT *, CASE WHEN starts_with(r.subject, '{') THEN subject.uri WHEN r.subject IS NOT NULL THEN r.subject ELSE ${OWN_URI} END AS subject_uri
        FROM (
          SELECT *, CASE WHEN starts_with(r.subject, '{') THEN ${options.careful ? `try(${subject})` : subject} END AS subject, ${timeIn('r."createdAt"')} AS created
          FROM (SELECT *, json_transform(record, '${RECORD_FIELDS}') AS r FROM (${source}))
        )
      )
    )
  )
)`
}
