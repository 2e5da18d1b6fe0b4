SELECT TIMESTAMPTZ '2025-03-10 17:54:00+00' AS event_time, 'twelve' AS text
