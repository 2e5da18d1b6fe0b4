/*
description: Posts as they were first published, replies and quotes included. Later edits and deletions change nothing here.
grain: one row per post created
columns:
  event_time: {type: timestamptz, description: When the stream said so, tests: [not_null]}
  did: {type: varchar, description: The author, tests: [not_null]}
  uri: {type: varchar, description: The post itself, tests: [not_null, {unique: true, severity: warn}]}
  text: {type: varchar, description: 'What it says; empty where it is only pictures', tests: [{not_null: true, severity: warn}]}
  langs: {type: 'varchar[]', description: 'Languages as the client names them, null where it names none'}
  lang: {type: varchar, description: 'The first of langs, without region: pt-BR is pt'}
  reply_parent: {type: varchar, description: 'The post it answers, null where it answers none'}
  created_at: {type: timestamptz, description: When the client claims to have made it}
tags: [silver]
*/
select
  event_time,
  did,
  'at://' || did || '/' || collection || '/' || rkey as uri,
  text,
  langs,
  language(langs) as lang,
  reply_parent,
  created_at
from events
where collection = 'app.bsky.feed.post' and action = 'create'
