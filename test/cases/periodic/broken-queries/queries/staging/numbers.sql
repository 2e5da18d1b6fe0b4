SELECT text, CAST(text AS INTEGER) AS number
FROM events
