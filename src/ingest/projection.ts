import { quote } from '../duckdb.ts'
import { timeIn } from './shape.ts'

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

/** True of an event_time that is not absurd. `now` in ms since 1970. */
export function isPossible(now: number): string {
  return `event_time BETWEEN ${EARLIEST} AND TIMESTAMPTZ ${quote(new Date(now + DAY_MS).toISOString())}`
}

/** The columns of EVENTS from `source`, which has event_time, kind, action, did, path, slash (the place of the first one in path), cid, rev, record and extra. */
export function typed(source: string, options: { ingestedAt: Date; careful: boolean }): string {
  const uri = "json_extract_string(r.subject, '$.uri')"
  const record = '{"subject":"VARCHAR","text":"VARCHAR","langs":["VARCHAR"],"reply":{"parent":{"uri":"VARCHAR"}},"createdAt":"VARCHAR"}'
  return `
SELECT ${options.careful ? 'n, ' : ''}event_time, kind, action, did, path[:slash - 1] AS collection, path[slash + 1:] AS rkey, cid, rev, subject_uri,
  CASE WHEN starts_with(subject_uri, 'at://') THEN split_part(subject_uri, '/', 3)
       WHEN starts_with(subject_uri, 'did:') THEN subject_uri END AS subject_did,
  r.text AS text, r.langs AS langs, r.reply.parent.uri AS reply_parent,
  CASE WHEN isfinite(created_at) THEN created_at END AS created_at,
  record, extra, TIMESTAMPTZ ${quote(options.ingestedAt.toISOString())} AS ingested_at
FROM (
  SELECT *,
    CASE WHEN starts_with(r.subject, '{') THEN ${options.careful ? `try(${uri})` : uri} ELSE r.subject END AS subject_uri,
    ${timeIn('r."createdAt"')} AS created_at
  FROM (SELECT *, json_transform(record, '${record}') AS r FROM (${source}))
)`
}
