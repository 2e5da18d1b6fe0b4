/*
description: Counts
grain: one row per run
columns:
  n: {type: bigint, description: How many}
*/
select count(*) as n
from like_s
