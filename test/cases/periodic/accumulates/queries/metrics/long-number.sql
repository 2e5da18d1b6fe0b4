/*
accumulates: {sum: [n]}
*/
select did, sum(12345678901234567)::bigint as n from events group by did order by n limit 3
