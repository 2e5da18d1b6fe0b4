select event_time, did, subject_uri from events where collection = 'app.bsky.feed.like' and action = 'create'
