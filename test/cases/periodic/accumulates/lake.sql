SELECT make_timestamptz(1783166400000000 + n * 600000000) AS event_time, 'commit' AS kind, 'create' AS action, 'did:plc:' || n % 3 AS did, 'a.b.c' AS collection
FROM range(20) AS r(n)
