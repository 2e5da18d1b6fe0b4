SELECT * FROM "cycle-c"
