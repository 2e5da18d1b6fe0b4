"""A stream to Parquet by pyarrow alone, no line of it in Python: pyarrow.json reads, ParquetWriter writes.

It cannot give the whole record, nor its subject (an object in a like, a text in a follow: two types in one field are
an error to it), so these columns are missing from what it writes.

Argument: the Parquet file.
"""

import sys

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

RECORD = pa.struct(
    [
        ("text", pa.string()),
        ("langs", pa.list_(pa.string())),
        ("reply", pa.struct([("parent", pa.struct([("uri", pa.string())]))])),
        ("createdAt", pa.string()),
    ]
)
TEXTS = ["action", "path", "cid", "repo", "rev", "kind"]
SCHEMA = pa.schema([("timestamp", pa.timestamp("us", tz="UTC"))] + [(name, pa.string()) for name in TEXTS] + [("record", RECORD)])

batches = pyarrow.json.open_json(
    sys.stdin.buffer,
    read_options=pyarrow.json.ReadOptions(block_size=2**23),
    parse_options=pyarrow.json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="ignore"),
)
with pq.ParquetWriter(sys.argv[1], batches.schema, compression="zstd", compression_level=1) as writer:
    for batch in batches:
        writer.write_batch(batch)
