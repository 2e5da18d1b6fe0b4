/*
description: Likes
grain: one row per like
columns:
  did: {type: varchar, description: Who}
  event_time: {type: timestamptz, description: When}
*/
select did, event_time
from events
where action = 'create'
