/*
description: One row per like
grain: event
*/
SELECT event_time, did FROM events WHERE collection = 'app.bsky.feed.like' AND action = 'create';
