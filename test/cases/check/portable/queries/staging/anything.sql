/*
description: Views may use all of DuckDB
grain: one row per row
columns:
  did: {type: varchar, description: Who}
*/
from events
select did
qualify row_number() over () = 1
