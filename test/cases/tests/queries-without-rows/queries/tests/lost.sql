select * from userz
