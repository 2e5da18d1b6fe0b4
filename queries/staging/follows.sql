/*
description: Follows as they were made.
grain: one row per follow created
columns:
  event_time: {type: timestamptz, description: When the stream said so, tests: [not_null]}
  did: {type: varchar, description: Who follows, tests: [not_null]}
  uri: {type: varchar, description: The follow itself, tests: [not_null, {unique: true, severity: warn}]}
  subject_did: {type: varchar, description: Who is followed, tests: [{not_null: true, severity: warn}]}
  created_at: {type: timestamptz, description: When the client claims to have made it}
tags: [silver]
*/
select
  event_time,
  did,
  'at://' || did || '/' || collection || '/' || rkey as uri,
  subject_did,
  created_at
from events
where collection = 'app.bsky.graph.follow' and action = 'create'
