SELECT nosuch FROM (SELECT did FROM events)
