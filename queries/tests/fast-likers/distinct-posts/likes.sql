-- The same post 60 times.
select timestamptz '2025-03-10 17:54:00+00' + to_milliseconds(i) as event_time, 'did:plc:same-post' as did, 'post' as subject_uri
from range(60) r(i)
union all
-- 49 posts, each liked, and liked again 20 seconds later.
select timestamptz '2025-03-10 17:54:00+00' + to_milliseconds(i) + to_seconds(again), 'did:plc:forty-nine-twice', 'post ' || i
from range(49) r(i), (values (0), (20)) a(again)
union all
-- 50 posts, each liked twice.
select timestamptz '2025-03-10 17:54:00+00' + to_milliseconds(i) + to_seconds(again), 'did:plc:fifty-twice', 'post ' || i
from range(50) r(i), (values (0), (20)) a(again)
union all
-- 60 likes that say not of what.
select timestamptz '2025-03-10 17:54:00+00' + to_milliseconds(i), 'did:plc:of-nothing', null
from range(60) r(i)
