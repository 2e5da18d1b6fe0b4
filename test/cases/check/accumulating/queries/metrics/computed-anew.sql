/*
description: Likes
grain: one row per user
columns:
  did: {type: varchar, description: Who}
  likes: {type: bigint, description: How many}
*/
select did, count(*) as likes
from "chance"
group by did
