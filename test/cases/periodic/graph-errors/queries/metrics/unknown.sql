SELECT a
FROM lieks
