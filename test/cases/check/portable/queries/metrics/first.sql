/*
description: Not Spark
grain: one row per user
columns:
  did: {type: varchar, description: Who}
  n: {type: bigint, description: How many}
*/
select did, epoch_us(event_time) // 1000000 as n
from events
qualify row_number() over (partition by did) = 1
