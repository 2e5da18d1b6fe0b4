-- A result that reads another result, named in quotes for its hyphens and in capitals, as SQL allows.
WITH likes AS (SELECT * FROM "LIKES-per-minutes")
SELECT time, likes FROM likes WHERE likes = (SELECT max(likes) FROM likes) -- no newline and no semicolon follows