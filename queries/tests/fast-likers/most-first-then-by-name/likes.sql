select timestamptz '2025-03-10 17:54:00+00' + to_milliseconds(i) as event_time, did, 'post ' || i as subject_uri
from (values ('did:plc:zoe', 70), ('did:plc:bob', 55), ('did:plc:ann', 55), ('did:plc:almost', 49)) u(did, likes), range(likes) r(i)
