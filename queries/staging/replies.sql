/*
description: Posts that answer another post.
grain: one row per reply created
columns:
  event_time: {type: timestamptz, description: When the stream said so, tests: [not_null]}
  did: {type: varchar, description: Who replies}
  uri: {type: varchar, description: The reply itself, tests: [not_null, relationships: {to: posts, column: uri}]}
  parent_uri: {type: varchar, description: The post it answers, tests: [not_null]}
  parent_did: {type: varchar, description: 'Whose post that is, null where parent_uri is no at:// address'}
  text: {type: varchar, description: What it says}
  lang: {type: varchar, description: 'Its first language, without region'}
  created_at: {type: timestamptz, description: When the client claims to have made it}
tags: [silver]
*/
select
  event_time,
  did,
  uri,
  reply_parent as parent_uri,
  nullif(split_part(reply_parent, '/', 3), '') as parent_did,
  text,
  lang,
  created_at
from posts
where reply_parent is not null
