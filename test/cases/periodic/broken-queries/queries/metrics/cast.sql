-- a
-- b
-- c
-- d
-- e
-- f
-- g
-- h
SELECT
  CAST(text AS INTEGER) AS n
FROM events
