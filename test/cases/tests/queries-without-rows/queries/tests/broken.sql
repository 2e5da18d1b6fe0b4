/*
description: Names a column that users has not.
*/
select didd from users
