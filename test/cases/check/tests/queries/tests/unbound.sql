/*
description: It asks for what is not there.
*/
select second
from "per-second"
where hates < 0
