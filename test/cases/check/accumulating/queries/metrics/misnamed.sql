/*
description: Likes
grain: one row per user
columns:
  did: {type: varchar, description: Who}
  likes: {type: bigint, description: How many}
accumulates:
  sum: [likes]
  max: [most]
*/
select did, count(*) as likes
from "stable"
group by did
