SELECT coalesce(shout(name), did) AS name, count(*) AS likes, max(event_time) AS latest
FROM likes LEFT JOIN people USING (did)
GROUP BY ALL
ORDER BY likes DESC, name
