/*
accumulates: {sum: [n]}
*/
select did, count(*) as n from events group by did order by n desc, did limit 2
