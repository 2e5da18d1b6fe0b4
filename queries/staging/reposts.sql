/*
description: Reposts as they were made (not quotes, which are posts).
grain: one row per repost created
columns:
  event_time: {type: timestamptz, description: When the stream said so, tests: [not_null]}
  did: {type: varchar, description: Who reposts, tests: [not_null]}
  uri: {type: varchar, description: The repost itself, tests: [not_null, {unique: true, severity: warn}]}
  subject_uri: {type: varchar, description: The post, tests: [{not_null: true, severity: warn}]}
  subject_did: {type: varchar, description: Whose post it is}
  created_at: {type: timestamptz, description: When the client claims to have made it}
tags: [silver]
*/
select
  event_time,
  did,
  'at://' || did || '/' || collection || '/' || rkey as uri,
  subject_uri,
  subject_did,
  created_at
from events
where collection = 'app.bsky.feed.repost' and action = 'create'
