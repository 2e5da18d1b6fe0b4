SELECT date_trunc('minute', event_time) AS time, count(*) AS likes FROM likes GROUP BY 1 ORDER BY 1
