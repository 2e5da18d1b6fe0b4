"""A stream to Parquet in Python: json.loads a line, pyarrow for each 100,000 rows, the columns of the events table.

Argument: the Parquet file.
"""

import json
import sys
from datetime import datetime, timezone

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 100_000
TIME = pa.timestamp("us", tz="UTC")
TEXTS = ["kind", "action", "did", "collection", "rkey", "cid", "rev", "subject_uri", "subject_did", "text", "reply_parent", "record"]
SCHEMA = pa.schema(
    [("event_time", TIME)]
    + [(name, pa.string()) for name in TEXTS]
    + [("langs", pa.list_(pa.string())), ("created_at", TIME), ("ingested_at", TIME)]
)


def micros(text):
    try:
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp() * 1e6)
    except (TypeError, ValueError, OverflowError):
        return None


def row(line, read):
    event = json.loads(line)
    record = event["record"] or {}
    collection, _, rkey = (event["path"] or "").partition("/")
    subject = record.get("subject")
    subject_uri = subject.get("uri") if isinstance(subject, dict) else subject
    subject_did = subject_uri.split("/", 3)[2] if subject_uri and subject_uri.startswith("at://") else subject_uri
    return {
        "event_time": event["time_us"],
        "kind": event["kind"],
        "action": event["action"],
        "did": event["repo"],
        "collection": collection or None,
        "rkey": rkey or None,
        "cid": event["cid"],
        "rev": event["rev"],
        "subject_uri": subject_uri,
        "subject_did": subject_did,
        "text": record.get("text"),
        "langs": record.get("langs"),
        "reply_parent": record.get("reply", {}).get("parent", {}).get("uri"),
        "created_at": micros(record.get("createdAt")),
        "record": json.dumps(event["record"], ensure_ascii=False, separators=(",", ":")) if event["record"] else None,
        "ingested_at": read,
    }


def main():
    now = round(datetime.now(timezone.utc).timestamp() * 1e6)
    with pq.ParquetWriter(sys.argv[1], SCHEMA, compression="zstd", compression_level=1) as writer:
        rows = []
        for line in sys.stdin.buffer:
            rows.append(row(line, now))
            if len(rows) == ROWS:
                writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))


main()
