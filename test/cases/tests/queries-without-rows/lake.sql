select timestamptz '2026-07-04 10:00:00+00' + to_seconds(i) as event_time, did, 'app.bsky.feed.like' as collection
from (values (1, 'did:plc:ann'), (2, 'did:plc:ann'), (3, 'did:plc:bob'), (4, 'did:plc:bob'), (5, 'did:plc:eve')) t(i, did)
