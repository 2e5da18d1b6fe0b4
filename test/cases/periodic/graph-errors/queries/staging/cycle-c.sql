SELECT * FROM "cycle-a"
