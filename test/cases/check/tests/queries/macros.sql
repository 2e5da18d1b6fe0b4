CREATE MACRO unix_seconds(instant) AS epoch_us(instant) // 1000000;
