SELECT * FROM "needs-unbound"
