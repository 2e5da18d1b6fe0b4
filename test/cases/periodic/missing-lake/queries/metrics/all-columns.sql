SELECT event_time, kind, action, did, collection, rkey, cid, rev, subject_uri, text, langs, reply_parent, created_at,
  rest, extra, ingested_at, subject_did, record
FROM events
