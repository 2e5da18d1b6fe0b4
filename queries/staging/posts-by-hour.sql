/*
description: Posts by hour, for whatever counts them by day or by time of day.
grain: one row per UTC hour with a post
columns:
  hour: {type: timestamp, description: 'Start of the hour, UTC', tests: [unique, not_null]}
  posts: {type: bigint, description: Posts created in it, tests: [not_null, range: {min: 1}]}
tags: [silver]
accumulates: {sum: [posts]}
*/
select date_trunc('hour', utc(event_time)) as hour, count(*) as posts
from posts
group by 1
