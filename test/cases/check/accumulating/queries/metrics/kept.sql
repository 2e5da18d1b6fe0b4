/*
description: Likes
grain: one row per user
columns:
  did: {type: varchar, description: Who}
  likes: {type: bigint, description: How many}
accumulates: {sum: [likes]}
*/
select did, count(*) as likes
from "old-likes"
group by did
