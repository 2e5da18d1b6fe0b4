/*
description: >
  Is the stream whole and on time? Every other metric is silently wrong where the stream has a hole: a lost connection, a
  cursor that the server clamped, a process that was down. A trending list or a dip in likes looks just as real then. Here a
  hole is a large longest_silence in the first minute after it, and a consumer that falls behind is a rising delay_ms.
  Bluesky is never silent for 5 seconds. Limits: a hole is seen after it ends; one that drops part of the events shows
  only as a lower count; in a replay, delay_ms is the age of what is replayed.
grain: one row per UTC minute with an event
columns:
  time: {type: timestamp, description: 'Start of the minute, UTC', tests: [unique, not_null]}
  events: {type: bigint, description: 'Events of all kinds in it, deletions and updates included', tests: [not_null, range: {min: 1}]}
  longest_silence:
    type: bigint
    description: >
      Most whole seconds in a row without any event, up to an event in this minute; they may lie in minutes before it
    tests: [not_null, range: {min: 0}]
  delay_ms: {type: bigint, description: 'Milliseconds from event to ingestion, on average, rounded down', tests: [not_null]}
tags: [gold, operations]
*/
with
  silences as (
    select
      second,
      events,
      delay_ms,
      second - lag(second) over (order by second) - 1 as silence
    from seconds
  )
select
  date_trunc('minute', utc(timestamp_seconds(second))) as time,
  cast(sum(events) as bigint) as events,
  coalesce(max(silence), 0) as longest_silence,
  cast(floor(sum(delay_ms) / sum(events)) as bigint) as delay_ms
from silences
group by 1
order by 1
