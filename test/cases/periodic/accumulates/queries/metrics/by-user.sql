/*
description: Added up by user, in the model's own order
accumulates: {sum: [n], min: [first], max: [last]}
*/
select did, count(*) as n, min(event_time) as first, max(event_time) as last from things group by did order by did desc
