/*
description: Reads
grain: one row per row
columns:
  a: {type: bigint, description: A}
*/
select a
from read_csv('x.csv')
