SELECT sum(number) AS n FROM numbers
