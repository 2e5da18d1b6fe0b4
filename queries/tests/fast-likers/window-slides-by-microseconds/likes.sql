-- Each likes 50 posts: 49 from 17:54:00.9 on, 1.2 s apart, so the 49th comes at 17:54:58.5; and then the last one.
select timestamptz '2025-03-10 17:54:00.9+00' + to_microseconds(i * 1200000) as event_time, did, 'post ' || i as subject_uri
from range(49) r(i), (values ('did:plc:in-time'), ('did:plc:too-late')) d(did)
union all
-- 59,999,999 microseconds after the first, in the next minute of the clock.
select timestamptz '2025-03-10 17:55:00.899999+00', 'did:plc:in-time', 'post 49'
union all
-- Exactly 60 seconds after the first.
select timestamptz '2025-03-10 17:55:00.9+00', 'did:plc:too-late', 'post 49'
