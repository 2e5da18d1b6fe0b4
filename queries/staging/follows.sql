/*
description: Follows as they were made.
grain: one row per follow created
columns:
  event_time: {type: timestamptz, description: When the stream said so}
  did: {type: varchar, description: Who follows}
  uri: {type: varchar, description: The follow itself}
  subject_did: {type: varchar, description: Who is followed}
  created_at: {type: timestamptz, description: When the client claims to have made it}
tags: [silver]
*/
select
  event_time,
  did,
  'at://' || did || '/' || collection || '/' || rkey as uri,
  subject_did,
  created_at
from
  events
where
  collection = 'app.bsky.graph.follow'
  and action = 'create'
