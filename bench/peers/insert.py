"""How this was solved before, first way: one INSERT per line into a DuckDB file.

Argument: the DuckDB file.
"""

import json
import sys

import duckdb

NAMES = ["timestamp", "action", "path", "cid", "record", "repo", "rev", "time_us", "kind"]

with duckdb.connect(sys.argv[1]) as connection:
    connection.execute(
        "CREATE TABLE events (timestamp TIMESTAMPTZ, action VARCHAR, path VARCHAR, cid VARCHAR, record JSON, "
        "repo VARCHAR, rev VARCHAR, time_us BIGINT, kind VARCHAR)"
    )
    for line in sys.stdin.buffer:
        event = json.loads(line)
        event["record"] = json.dumps(event["record"])
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [event[name] for name in NAMES])
