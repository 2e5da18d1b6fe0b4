-- Helpers that metric SQL calls, in DuckDB's own dialect. Another engine runs the same metric SQL once it has functions
-- of these names: explode, unix_…, timestamp_seconds and get_json_object are Spark's own; the others are one expression each.
-- Patterns are RE2: no look-around, and \b, \w, \s know ASCII only, hence the classes. No pattern inside a lambda: DuckDB
-- compiles it again for every vector (10 times the time of a query); no capturing group on a hot path, it costs RE2 its
-- fast one (7 times); and no pattern in two branches of a CASE, each compiles its own (links() takes 9 ms).

-- One row per element of a list, in a select list.
CREATE OR REPLACE MACRO explode(list) AS unnest(list);

CREATE OR REPLACE MACRO unix_micros(instant) AS epoch_us(instant);
-- DuckDB 2 rounds in epoch_ms.
CREATE OR REPLACE MACRO unix_millis(instant) AS epoch_us(instant) // 1000;
CREATE OR REPLACE MACRO unix_seconds(instant) AS epoch_us(instant) // 1000000;
CREATE OR REPLACE MACRO timestamp_seconds(seconds) AS make_timestamptz(seconds * 1000000);

CREATE OR REPLACE MACRO get_json_object(json, path) AS json ->> path;

-- The UTC wall clock, whatever the session's TimeZone. On 2 M rows 9 times as fast as AT TIME ZONE
-- and half the time of date_trunc with a zone. On Spark, whose session is set to UTC, it returns its argument.
CREATE OR REPLACE MACRO utc(instant) AS make_timestamp(epoch_us(instant));

-- Monday is 1, Sunday 7. (dayofweek and weekday start on different days in DuckDB and Spark.)
CREATE OR REPLACE MACRO iso_weekday(instant) AS isodow(instant);

-- The first language a post names, without region or script: pt-BR is pt. Null where it names none.
CREATE OR REPLACE MACRO language(langs) AS nullif(regexp_extract(lower(langs[1]), '^[a-z]+', 0), '');

-- Characters of full and half width as the usual ones: ＡＢＣ is ABC, ｶﾞ is ガ (once it is composed); and σ for ς.
CREATE OR REPLACE MACRO widths(text) AS CASE
  WHEN regexp_matches(text, '[ς！-ﾟ]') THEN translate(
    text,
    'ς！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～'
      || '｡｢｣､･ｦｧｨｩｪｫｬｭｮｯｰｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝﾞﾟ',
    'σ!"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~'
      || '。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゙゚'
  )
  ELSE text
END;

-- Composed (é is one character), of usual width, lower case, one apostrophe for all, and σ for ς. ß stays: no letter is as long as ss.
CREATE OR REPLACE MACRO folded(text) AS regexp_replace(lower(nfc_normalize(widths(text))), '[’ʼ]', '''', 'g');

-- A pattern of URLs (https://…, www.…, name.tld/path, or name.tld where the TLD is a usual one: `end.Next` is no URL),
-- handles (@name.bsky.social) and mail addresses. A URL ends at a space or where Chinese or Japanese goes on after it.
-- What may follow a handle or an address and belongs to the match is `behind`.
CREATE OR REPLACE MACRO links(behind) AS
  '(?i)(?:https?://|\bwww\.)[^\s\p{Z}\p{Han}\p{Hiragana}\p{Katakana}]+'
  || '|[\p{L}\p{N}._+-]*@[\p{L}\p{N}._-]+' || behind
  || '|(?:[\p{L}\p{N}-]+\.)+(?:[a-z]{2,}/[^\s\p{Z}\p{Han}\p{Hiragana}\p{Katakana}]*'
  || '|(?:com|org|net|edu|gov|io|dev|app|co|social)(?:[^\p{L}\p{N}_]|$))';

-- Whether text holds the (lower-case, Latin) word whole, in any case: `#engineering`, `Engineering's`, `Engineering入門` and
-- `engineering을` hold engineering, `bioengineering` and `engineering_jobs` do not. Another script may stand right beside it.
-- Joiners (ZWNJ, ZWJ) and the marks of a letter before it do not count. The first pattern is the fast one.
CREATE OR REPLACE MACRO has_word(text, word) AS
  regexp_matches(text, '(?i)' || word)
  AND regexp_matches(
    text,
    '(?i)(?:^|[^\p{Latin}\p{M}\p{N}_\x{200C}\x{200D}])[\p{M}\x{200C}\x{200D}]*' || word
      || '[\x{200C}\x{200D}]*(?:[^\p{Latin}\p{M}\p{N}_\x{200C}\x{200D}]|$)'
  );

CREATE OR REPLACE MACRO other_letters() AS
  '[^\p{Latin}\p{Han}\p{Hiragana}\p{Katakana}\p{P}\p{S}\p{Z}\p{C}\x{1F000}-\x{1FBFF}]';

-- A pattern of words, one of them after another: a run of Latin letters, digits before it too (10k), one of Han, of Katakana, of
-- Hiragana, and one of any other script. Marks, digits, `_`, and apostrophes and joiners (ZWNJ, ZWJ) behind a letter belong to it. So
-- a word ends where the script changes: engineering을.
CREATE OR REPLACE MACRO tokens() AS
  '[\p{N}_]*\p{Latin}[\p{Latin}\p{M}\p{N}_''\x{200C}\x{200D}]*'
  || '|\p{Han}+|\p{Katakana}[\p{Katakana}ー]*|\p{Hiragana}[\p{Hiragana}ー]*'
  -- What is neither Latin, Han nor kana, and no punctuation, sign, space or control character, is a letter, mark or digit.
  || '|(?:_|' || other_letters() || ')(?:[_''\x{200C}\x{200D}]|' || other_letters() || ')*';

CREATE OR REPLACE MACRO without_possessive(word) AS CASE WHEN ends_with(word, '''s') THEN left(word, -2) ELSE word END;

-- The words of a text in a language, folded, in order, repeats kept: tokens that start with a letter and have at least two
-- characters, the possessive 's dropped. So `10k`, `3d` and `1st` are numbers and `web3` is a word; a hyphen parts words.
-- French, Italian and Catalan elide (l'ingénierie): there the apostrophe parts words too. Japanese and Chinese are not split
-- by a dictionary: a run of Han or of Katakana is a word, Hiragana (endings, particles) is none.
CREATE OR REPLACE MACRO words(text, lang) AS list_filter(
  list_transform(
    string_split(
      -- Drops what starts otherwise than with a letter, and Hiragana.
      regexp_replace(
        ' ' || array_to_string(
          regexp_extract_all(
            replace(regexp_replace(folded(text), links(''), ' ', 'g'), '''', CASE WHEN lang IN ('fr', 'it', 'ca') THEN ' ' ELSE '''' END),
            tokens(), 0
          ),
          ' '
        ),
        ' (?:[^\p{L} ]|\p{Hiragana})[^ ]*', '', 'g'
      ),
      ' '
    ),
    lambda word: without_possessive(rtrim(word, '''' || chr(8204) || chr(8205)))
  ),
  lambda word: length(word) > 1
);

-- The hashtags of a text, without #, folded, each once. A tag begins with a letter, digit or `_`, goes on with marks, joiners
-- and hyphens too (#cross-contamination is one tag), and ends before whatever else follows and with a letter, mark or digit:
-- #two_part___ is two_part. It holds at least one letter: #1 is none, nor is a keycap. # inside a link, or after a letter,
-- a digit, `_` or & starts none: issue#1a, C#dev, &#x27;.
-- Links, and # after a letter, are matched first, so that nothing inside them is taken for a tag; what is found is folded, since
-- to fold whole texts takes twice the time of all the rest.
CREATE OR REPLACE MACRO hashtags_in(text) AS list_distinct(list_filter(
  list_transform(
    string_split(
      folded(array_to_string(
        list_filter(
          regexp_extract_all(
            text,
            links('[#＃]?') || '|(?:\p{L}\p{M}*|[\p{N}_&])[#＃]'
              || '|[#＃](?:[\p{N}_][\p{M}\p{N}_\x{200C}\x{200D}-]*)?\p{L}[\p{L}\p{M}\p{N}_\x{200C}\x{200D}-]*[#＃]?', 0
          ),
          lambda found: left(found, 1) IN ('#', '＃')
        ),
        ' '
      )),
      ' '
    ),
    lambda tag: rtrim(substr(tag, 2), '#_-' || chr(8204) || chr(8205))
  ),
  lambda tag: tag <> ''
));
