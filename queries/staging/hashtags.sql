/*
description: >
  Hashtags in the text of posts, in lower case and without #. A hyphen inside belongs to the tag (#cross-contamination),
  punctuation and hyphens after it do not, and # inside a URL or after a letter is none. Tags that a client attaches without writing them
  in the text are not here.
grain: one row per post and hashtag, however often the post repeats it
columns:
  event_time: {type: timestamptz, description: When the stream showed the post}
  did: {type: varchar, description: The author}
  uri: {type: varchar, description: The post, tests: [not_null, relationships: {to: posts, column: uri}]}
  hashtag: {type: varchar, description: 'The tag, without #, lower case', tests: [not_null]}
tests: [{unique: [uri, hashtag], severity: warn}]
tags: [silver]
accumulates: {rows: true}
*/
with
  -- Of its own: DuckDB compiles the patterns of what is exploded anew for each chunk.
  tagged as (
    select event_time, did, uri, hashtags_in(text) as hashtags
    from posts
    where text like '%#%' or text like '%＃%'
  )
select event_time, did, uri, explode(hashtags) as hashtag
from tagged
