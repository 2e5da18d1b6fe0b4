CREATE MACRO age(instant) AS now() - instant;
CREATE MACRO old(instant) AS age(instant) > INTERVAL 1 HOUR;
