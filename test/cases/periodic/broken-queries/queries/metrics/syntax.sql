/* hé 😀 */
SELECT did
FROM events
WHERE AND did IS NULL
