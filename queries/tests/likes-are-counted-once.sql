/*
description: Every like is in exactly one minute of likes-per-minutes, so they add up to the likes there are.
tags: [likes]
*/
select counted.likes as in_minutes, made.likes as made
from (
  select coalesce(cast(sum(likes) as bigint), 0) as likes
  from "likes-per-minutes"
) counted
cross join (select count(*) as likes from likes) made
where counted.likes <> made.likes
