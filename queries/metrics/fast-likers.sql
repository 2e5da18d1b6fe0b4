/*
description: >
  Who likes faster than people can read: users who liked at least 50 different posts within less than 60 seconds, and the
  most they liked in any such window. The window slides by microseconds, so 00.900 to 60.899 counts and exactly 60 seconds
  apart does not; calendar minutes would miss a burst across their edge. A post that is liked, unliked and liked again
  counts once. Limits: many are bots, some are people that scroll through a list; a consumer that catches up does not
  distort it, since the time is the event's.
grain: one row per fast liker
columns:
  user_id: {type: varchar, description: The user's DID, tests: [unique, not_null]}
  likes: {type: bigint, description: 'Different posts liked in their busiest window, at least 50', tests: [not_null, range: {min: 50}]}
tags: [gold, likes]
accumulates: {max: [likes], window: 60s}
*/
with
  busy as (
    -- A window shorter than a minute touches two calendar minutes at most, so 50 likes in it put 25 into one of them, and all
    -- lie in that one and its neighbours. Users are first thrown into 8,192 pots: a pot and minute without 25 likes holds
    -- nobody to look at. (One group per user and minute takes 1.5 times as long over 10 M events; at 60,000 likes a minute
    -- 7 lie in a pot; where it is 25, every pot is busy and the result the same, later.) hash: any engine's own.
    select p.pot, p.minute + n.shift as minute
    from (
      select hash(did) % 8192 as pot, floor(unix_micros(event_time) / 60000000) as minute
      from likes
      group by 1, 2
      having count(*) >= 25
    ) p
    cross join (values (-1), (0), (1)) as n (shift)
  ),
  near as (
    select did, subject_uri, unix_micros(event_time) as starts
    from likes
    where (hash(did) % 8192, floor(unix_micros(event_time) / 60000000)) in (
      select pot, minute
      from busy
    )
  ),
  suspects as (
    select distinct did
    from (
      select did
      from near
      group by did, floor(starts / 60000000)
      having count(*) >= 25
    )
  ),
  liked as (
    -- A like of nothing weighs 0.
    select
      n.did,
      n.starts,
      lead(n.starts) over (
        partition by n.did, n.subject_uri
        order by n.starts
      ) as again,
      case when n.subject_uri is null then 0 else 1 end as weight
    from near n
    join suspects s on s.did = n.did
  ),
  -- A like counts in every window that ends within 60 s of it, until the same post is liked again: +1, then -1.
  steps as (
    select did, starts as time, weight as step
    from liked
    union all
    select
      did,
      least(starts + 60000000, coalesce(again, starts + 60000000)) as time,
      - weight as step
    from liked
  ),
  windows as (
    -- The default frame takes all steps of the same microsecond together.
    select did, sum(step) over (partition by did order by time) as likes
    from steps
  )
select did as user_id, cast(max(likes) as bigint) as likes
from windows
group by did
having max(likes) >= 50
order by likes desc, user_id
