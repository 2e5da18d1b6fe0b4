/*
description: Likes
grain: one row per like
columns:
  did: {type: varchar, description: Who}
  event_time: {type: timestamptz, description: When}
*/
SELECT did, -- who
event_time FROM events
where action='create'
