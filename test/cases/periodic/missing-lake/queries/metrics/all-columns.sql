SELECT event_time, kind, action, did, collection, rkey, cid, rev, subject_uri, subject_did, text, langs, reply_parent, created_at,
  record, extra, ingested_at
FROM events
