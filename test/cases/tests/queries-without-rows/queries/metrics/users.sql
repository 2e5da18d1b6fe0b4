select did, count(*) as likes from likes group by did order by did
