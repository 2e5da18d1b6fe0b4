/*
description: >
  Every event lies in the partition of its own hour. One that does not is missed by whatever reads by partition:
  ./sluice fsck --repair moves it.
tags: [operations]
*/
select event_time, did, collection, rkey, date, hour
from events
where date <> cast(utc(event_time) as date) or hour <> hour(utc(event_time))
