/*
description: Nobody likes twice.
severity: warn
*/
select * from users where likes > 1 order by did
