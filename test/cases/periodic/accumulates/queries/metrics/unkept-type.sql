/*
accumulates: {sum: [n]}
*/
select did, sum(1) as n from events group by did
