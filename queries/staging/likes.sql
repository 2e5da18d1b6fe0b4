/*
description: Likes as they were made. A like that was taken back, and made again, is here each time it was made.
grain: one row per like created
columns:
  event_time: {type: timestamptz, description: When the stream said so, tests: [not_null]}
  did: {type: varchar, description: Who likes, tests: [not_null, relationships: {to: actors, column: did}]}
  uri: {type: varchar, description: The like itself, tests: [not_null, {unique: true, severity: warn}]}
  subject_uri: {type: varchar, description: 'What is liked: a post, or a feed, list or labeler', tests: [{not_null: true, severity: warn}]}
  subject_did: {type: varchar, description: Whose it is}
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
where collection = 'app.bsky.feed.like' and action = 'create'
