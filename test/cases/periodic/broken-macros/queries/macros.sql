CREATE MACRO one() AS 1;

CREATE MACRO two(x) AS
  (x ++ );
