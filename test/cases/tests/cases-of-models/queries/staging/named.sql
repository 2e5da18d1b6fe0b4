select l.did, n.name, n.since from likes l join names n on n.did = l.did
