/* Both are used by models. */
CREATE MACRO minute_of(t) AS date_trunc('minute', t);
CREATE MACRO shout(t) AS upper(t) || '!';
