/*
description: a
severty: warn
*/
select 1 where false
