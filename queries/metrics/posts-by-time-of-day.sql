/*
description: >
  When people post: posts by day of the week and hour of the day, UTC, Monday first. A history that holds two Mondays and
  one Tuesday counts more on Monday, so per_hour divides by the number of such hours that the history holds.
grain: one row per day of the week and hour with a post
columns:
  time_of_day: {type: varchar, description: 'Day and hour, UTC: Mon 14:00 is Mondays from 14:00 to 15:00', tests: [unique, not_null]}
  posts: {type: bigint, description: Posts created then, tests: [not_null, range: {min: 1}]}
  hours: {type: bigint, description: How many such hours with a post the history holds, tests: [not_null, range: {min: 1}]}
  per_hour: {type: bigint, description: 'posts / hours, rounded down', tests: [not_null, range: {min: 1}]}
tags: [gold, posts]
*/
with
  by_time_of_day as (
    select
      iso_weekday(hour) as day,
      hour(hour) as hour_of_day,
      cast(sum(posts) as bigint) as posts,
      count(*) as hours
    from "posts-by-hour"
    group by 1, 2
  )
select
  case day
    when 1 then 'Mon'
    when 2 then 'Tue'
    when 3 then 'Wed'
    when 4 then 'Thu'
    when 5 then 'Fri'
    when 6 then 'Sat'
    else 'Sun'
  end || ' ' || lpad(cast(hour_of_day as string), 2, '0') || ':00' as time_of_day,
  posts,
  hours,
  cast(floor(posts / hours) as bigint) as per_hour
from by_time_of_day
order by day, hour_of_day
