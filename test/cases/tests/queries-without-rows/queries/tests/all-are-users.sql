-- Without a header, a test is an error.
select did from likes where did not in (select did from users)
