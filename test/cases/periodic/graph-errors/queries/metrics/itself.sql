
SELECT * FROM itself
