SELECT * FROM
  "cycle-b"
