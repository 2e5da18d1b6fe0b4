WITH lieks AS (SELECT a FROM main.likes), twice AS (SELECT * FROM lieks, lieks AS l) SELECT count(*) AS n FROM twice
