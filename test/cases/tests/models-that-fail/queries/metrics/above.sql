/*
columns: {n: {tests: [not_null]}}
*/
select n from broken
