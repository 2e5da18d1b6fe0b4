create macro shout(text) as upper(text);
