SELECT word, count(*) AS "count" FROM (SELECT unnest(regexp_extract_all(text, '\w+', 0)) AS word, record->>'x' AS x FROM events) AS w
GROUP BY 1 ORDER BY 2 DESC
