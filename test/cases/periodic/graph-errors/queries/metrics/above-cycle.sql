SELECT * FROM "cycle-b"
