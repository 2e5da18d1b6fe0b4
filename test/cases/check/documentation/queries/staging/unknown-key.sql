/*
description: a
grian: one row
*/
select did
from events
