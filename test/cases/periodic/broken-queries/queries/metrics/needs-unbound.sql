SELECT * FROM unbound
