/*
columns: {n: {tests: [not_null, unique]}}
*/
select nowhere as n from events
