/*
description: Types
grain: one row per type
columns:
  one: {type: varchar, description: One}
  two: {type: int, description: Two}
  three: {description: Three}
  four: {type: nonsense, description: Four}
  five: {type: bigint}
*/
select 'x' as one, cast(2 as bigint) as two, 3 as three, 4 as four, cast(5 as bigint) as five
