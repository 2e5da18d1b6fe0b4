/*
accumulates: {sum: [n]}
*/
select did, count(*) as n from events group by did order by max(event_time)
