/*
hé 😀
*/
SELECT did,
  likez
FROM (SELECT did FROM events)
