/*
description: >
  Every word of top-10-word counts the posts about engineering that hold it and in whose language it is no stop word, and
  no others. It may be one in another language: die is filler in German and none in English.
tags: [posts]
*/
with
  engineering_posts as (
    select words(p.text, p.lang) as words, coalesce(listed.lang, 'en') as lang
    from posts p
    left join (
      select distinct lang
      from stopwords
    ) listed on listed.lang = p.lang
    where has_word(p.text, 'engineering')
  ),
  counted as (
    select t.word, count(*) as posts
    from "top-10-word" t
    join engineering_posts p on array_contains(p.words, t.word)
    where not exists (
      select 1
      from stopwords s
      where s.lang = p.lang and s.word = t.word
    )
    group by t.word
  )
select t.word, t.count, coalesce(c.posts, 0) as posts
from "top-10-word" t
left join counted c on c.word = t.word
where t.word = 'engineering' or t.count <> coalesce(c.posts, 0)
