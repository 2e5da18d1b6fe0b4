/*
columns:
  n:
    tests:
      - accepted_values: [one]
      - {relationships: {to: god, column: n}}
      - {relationships: {to: good, column: m}, severity: warn}
  nowhere: {tests: [not_null]}
*/
select 1 as n
