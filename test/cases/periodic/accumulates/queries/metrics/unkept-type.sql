/*
accumulates: {max: [n]}
*/
select did, max(1::hugeint) as n from events group by did
