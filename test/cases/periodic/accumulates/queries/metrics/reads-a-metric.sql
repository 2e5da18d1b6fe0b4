/*
accumulates: {sum: [n]}
*/
select did, n from top
