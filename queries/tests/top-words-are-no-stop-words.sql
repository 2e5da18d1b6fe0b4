/*
description: >
  Every word of top-10-word stands in at least one post about engineering in whose language it is no stop word. It may be
  one in another language: die is filler in German and none in English.
tags: [posts]
*/
with engineering_posts as (
  select words(p.text, p.lang) as words, coalesce(listed.lang, 'en') as lang
  from posts p
  left join (select distinct lang from stopwords) listed on listed.lang = p.lang
  where has_word(p.text, 'engineering')
)
select t.word, t.count
from "top-10-word" t
where t.word = 'engineering'
  or not exists (
    select 1
    from engineering_posts p
    where array_contains(p.words, t.word)
      and not exists (select 1 from stopwords s where s.lang = p.lang and s.word = t.word)
  )
