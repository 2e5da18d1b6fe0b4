/* severity: warn */
select did from users where cast(did as bigint) = 1
