select 'Ann' as name,
  nowhere as since
