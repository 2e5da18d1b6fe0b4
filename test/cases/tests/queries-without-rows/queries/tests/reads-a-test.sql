select * from "nobody-is-ann"
