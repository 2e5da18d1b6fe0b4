select name, count(*) as likes, min(since) as since from named group by name order by likes desc, name
