select event_time, did from events where collection = 'app.bsky.feed.like'
