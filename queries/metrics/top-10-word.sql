/*
description: >
  What people talk about when they talk about engineering: the ten most frequent meaningful words in posts that hold the
  word engineering, whole and in any case (#engineering is it, bioengineering is not). Not counted: engineering itself,
  stop words, URLs, handles, numbers and single letters. The stop words are those of the first language the post names,
  English where it names none or one that queries/seeds/stopwords.csv does not have. Limits: a post that names the wrong
  language keeps that language's fillers; Chinese and Japanese are parted by script, not by word (see macros.sql).
grain: one row per word, at most ten
columns:
  word: {type: varchar, description: 'The word, lower case', tests: [unique, not_null]}
  count: {type: bigint, description: 'Posts that hold it, each once however often it says it', tests: [not_null, range: {min: 1}]}
tags: [gold, posts]
accumulates: {sum: [count]}
*/
with
  engineering_posts as (
    select p.text, p.lang, coalesce(s.lang, 'en') as stopword_lang
    from posts p
    left join (select distinct lang from stopwords) s on s.lang = p.lang
    where has_word(p.text, 'engineering')
  ),
  -- Of its own: DuckDB compiles the patterns of what is exploded twice, 26 of 62 ms over a batch.
  spoken as (
    select stopword_lang, array_distinct(words(text, lang)) as words
    from engineering_posts
  ),
  uses as (select stopword_lang, explode(words) as word from spoken)
select word, count(*) as count
from uses u
where word <> 'engineering'
  and not exists (
    select 1
    from stopwords s
    where s.lang = u.stopword_lang and s.word = u.word
  )
group by word
order by count desc, word
limit 10
