/*
description: >
  Everybody who did anything, with the handle and name that the stream last told. Both come only when they change, so
  most actors of a short history have neither.
grain: one row per actor (did)
columns:
  did: {type: varchar, description: The actor, tests: [unique, not_null]}
  handle: {type: varchar, description: 'Latest handle from an identity or account event, null if there was none'}
  display_name: {type: varchar, description: 'Latest name from a profile record, null if there was none'}
  events: {type: bigint, description: 'What they did, deletions and updates included', tests: [not_null, range: {min: 1}]}
  first_event_time: {type: timestamptz, description: Their first event}
  last_event_time: {type: timestamptz, description: Their latest event}
tags: [silver]
*/
with
  named as (
    select
      did,
      event_time,
      case when kind <> 'commit' then get_json_object(rest, '$.handle') end as handle,
      case
        when collection = 'app.bsky.actor.profile' then get_json_object(rest, '$.displayName')
      end as display_name
    from events
  )
select
  did,
  max_by(handle, event_time) filter(where handle is not null) as handle,
  max_by(display_name, event_time) filter(where display_name is not null) as display_name,
  count(*) as events,
  min(event_time) as first_event_time,
  max(event_time) as last_event_time
from named
group by did
