SELECT (SELECT count(*) FROM '/tmp/x.parquet') AS n
