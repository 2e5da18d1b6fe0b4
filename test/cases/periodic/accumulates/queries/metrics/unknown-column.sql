/*
accumulates: {sum: [likes]}
*/
select did, count(*) as n from events group by did
