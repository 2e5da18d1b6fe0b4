CREATE MACRO fine(x) AS x;
CREATE MACRO half(x AS x / 2;
