/*
description: A test is formatted and runs, and documents no columns.
*/
select *
from "per-second"
where likes < 0
