SELECT text, date, hour FROM events WHERE text IS NOT NULL
