/*
columns: {n: {tests: [not_null, relationships: {to: broken, column: n}]}}
*/
select 1 as n
