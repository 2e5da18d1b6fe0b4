/* description: Likes per minute */
SELECT minute_of(event_time) AS time, count(*) AS likes
FROM likes
GROUP BY 1
ORDER BY 1
