/*
description: >
  Likes per minute: how loud the network is, and the first place where a hole in the stream shows. Likes as they were made,
  by the stream's clock (not created_at, which is the client's claim). The first and the last minute are usually
  incomplete; a minute without any like has no row.
grain: one row per UTC minute with a like
columns:
  time: {type: timestamp, description: 'Start of the minute, UTC', tests: [unique, not_null]}
  likes: {type: bigint, description: Likes created in it, tests: [not_null, range: {min: 1}]}
tags: [gold, likes]
accumulates: {sum: [likes]}
*/
select date_trunc('minute', utc(event_time)) as time, count(*) as likes
from likes
group by 1
order by 1
