/*
description: The stream by second, for whatever asks whether it is whole and on time.
grain: one row per second with an event
columns:
  second: {type: bigint, description: Seconds since 1970, tests: [unique, not_null]}
  events: {type: bigint, description: 'Events of all kinds in it, deletions and updates included', tests: [not_null, range: {min: 1}]}
  delay_ms: {type: bigint, description: 'Milliseconds from event to ingestion, of all of them together'}
tags: [silver, operations]
accumulates: {sum: [events, delay_ms]}
*/
select
  unix_seconds(event_time) as second,
  count(*) as events,
  cast(sum(unix_millis(ingested_at) - unix_millis(event_time)) as bigint) as delay_ms
from events
group by 1
