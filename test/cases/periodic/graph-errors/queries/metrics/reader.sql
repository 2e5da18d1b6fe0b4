SELECT a
FROM likes
  JOIN read_parquet('lake/**') USING (a)
