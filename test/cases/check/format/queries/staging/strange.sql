/*
description: What the formatter does not know
grain: one row per x
columns:
  x: {type: boolean, description: X}
*/
select [1] <@ [1,2]  as x
