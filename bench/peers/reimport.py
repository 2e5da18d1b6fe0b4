"""How this was solved before, second way: the stream grows a file, and every few seconds the whole file is imported
into a DuckDB file anew and exported as Parquet. Time passes here by lines: there are BATCHES imports.

Arguments: the directory for its files, the number of lines that will come. Prints the seconds of each import.
"""

import json
import os
import sys
import time
from itertools import islice

import duckdb

BATCHES = 10
COLUMNS = (
    "{timestamp: 'TIMESTAMPTZ', action: 'VARCHAR', path: 'VARCHAR', cid: 'VARCHAR', record: 'JSON', "
    "repo: 'VARCHAR', rev: 'VARCHAR', time_us: 'BIGINT', kind: 'VARCHAR'}"
)

directory, lines = sys.argv[1], int(sys.argv[2])
os.makedirs(directory, exist_ok=True)
raw = os.path.join(directory, "events.ndjson")
exported = os.path.join(directory, "events.parquet")
seconds = []
with open(raw, "ab") as file, duckdb.connect(os.path.join(directory, "events.duckdb")) as connection:
    while batch := list(islice(sys.stdin.buffer, -(-lines // BATCHES))):
        file.writelines(batch)
        file.flush()
        begin = time.monotonic()
        connection.execute(
            f"CREATE OR REPLACE TABLE events AS FROM read_json('{raw}', format = 'newline_delimited', columns = {COLUMNS})"
        )
        connection.execute(f"COPY events TO '{exported}' (FORMAT parquet, COMPRESSION zstd)")
        seconds.append(time.monotonic() - begin)
print(json.dumps(seconds))
