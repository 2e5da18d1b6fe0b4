select second from "per-second" where like < 0
