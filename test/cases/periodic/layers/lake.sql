SELECT * FROM (VALUES
  (TIMESTAMPTZ '2025-03-10 17:54:00+00',        'create', 'app.bsky.feed.like', 'did:plc:a', NULL),
  (TIMESTAMPTZ '2025-03-10 17:54:59.999999+00', 'create', 'app.bsky.feed.like', 'did:plc:b', NULL),
  (TIMESTAMPTZ '2025-03-10 17:55:00+00',        'create', 'app.bsky.feed.like', 'did:plc:a', NULL),
  (TIMESTAMPTZ '2025-03-10 17:55:01+00',        'delete', 'app.bsky.feed.like', 'did:plc:a', NULL),
  (TIMESTAMPTZ '2025-03-10 23:59:59.5+00',      'create', 'app.bsky.feed.like', 'did:plc:c', NULL),
  (TIMESTAMPTZ '2025-03-11 00:00:00+00',        'create', 'app.bsky.feed.post', 'did:plc:b', 'a, "quoted"' || chr(10) || 'line')
) AS t(event_time, action, collection, did, text)
