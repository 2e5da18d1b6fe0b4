/*
description: Likes per second
grain: one row per second
columns:
  second: {type: Bigint, description: The second}
  likes: {type: bigint, description: Likes in it}
accumulates: {sum: [likes]}
*/
select unix_seconds(event_time) as second, count(*) as likes
from likes
group by 1
