/*
description: >
  Hashtags on the rise: the 50 that gained most posts in the last hour of stream time over the hour before it. Stream time
  is the newest event of any kind, so a replay of old data trends as it did then. A tag that gained nothing is not listed,
  however big it is. Limits: where the history is shorter than two hours, or the stream was down, everything seems to rise;
  one event from the future moves both hours; users tells a crowd from one account that repeats itself.
grain: one row per hashtag that gained
columns:
  hashtag: {type: varchar, description: 'The tag, without #, lower case', tests: [unique, not_null]}
  gain: {type: bigint, description: 'uses - uses_before, at least 1', tests: [not_null, range: {min: 1}]}
  uses: {type: bigint, description: 'Posts with it in the last hour: later than an hour before stream time', tests: [not_null, range: {min: 1}]}
  uses_before: {type: bigint, description: Posts with it in the hour before that, tests: [not_null, range: {min: 0}]}
  users: {type: bigint, description: Authors of the uses, tests: [not_null, range: {min: 1}]}
tags: [gold, posts]
*/
with
  recent as (
    select
      hashtag,
      did,
      event_time > (
        select max(event_time) - interval '1' hour
        from newest
      ) as is_last_hour
    from hashtags
    where event_time > (select max(event_time) - interval '2' hour from newest)
  ),
  counted as (
    select
      hashtag,
      count(*) filter(where is_last_hour) as uses,
      count(*) filter(where not is_last_hour) as uses_before,
      count(distinct did) filter(where is_last_hour) as users
    from recent
    group by hashtag
  )
select hashtag, uses - uses_before as gain, uses, uses_before, users
from counted
where uses > uses_before
order by gain desc, uses desc, hashtag
limit 50
