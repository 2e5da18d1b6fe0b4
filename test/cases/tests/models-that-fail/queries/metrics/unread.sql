/*
columns: {n: {test: [not_null]}}
*/
select 1 as n
