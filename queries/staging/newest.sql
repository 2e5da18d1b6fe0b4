/*
description: >
  Stream time: when the newest event of any kind happened. Whatever asks for the last hours asks here, since the greatest
  time of all events would be looked for in the whole history.
grain: one row; of an empty lake, with a null
columns:
  event_time: {type: timestamptz, description: When the newest event happened}
tags: [silver]
accumulates: {max: [event_time]}
*/
select max(event_time) as event_time
from events
