/*
description: Reposts as they were made (not quotes, which are posts).
grain: one row per repost created
columns:
  event_time: {type: timestamptz, description: When the stream said so}
  did: {type: varchar, description: Who reposts}
  uri: {type: varchar, description: The repost itself}
  subject_uri: {type: varchar, description: The post}
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
from
  events
where
  collection = 'app.bsky.feed.repost'
  and action = 'create'
