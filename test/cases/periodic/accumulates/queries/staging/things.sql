/*
accumulates: {rows: true}
*/
select did, event_time from events
