"""The lake: Parquet files, one per table and partition, written whole or not at all.

Layout under the store's root: `tables/<name>/<partition>.parquet` and `blobs/<sha256>`. The store is any
obstore URL (file, S3, Azure); a local put writes beside the target and renames, a cloud put is atomic.
"""

import hashlib
import io
import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import LocalStore, ObjectStore, from_url

from resources.errors import LakeError
from resources.hashing import canonical_json
from resources.lake.reading import columns_of, footer, whole
from resources.lake.tables import Table

WHOLE = "all"
"""The partition name of a table that has no partitions."""

_VERSION_KEY = b"raftline.data_version"


class Lake:
    """Reads and writes declared tables and content-addressed blobs under one root."""

    def __init__(self, url: str | Path):
        text = str(url)
        self.root = text
        self._store: ObjectStore = (
            from_url(text) if "://" in text else LocalStore(prefix=Path(text).resolve(), mkdir=True)
        )

    def location(self, table: Table | str, partition: str = WHOLE) -> str:
        """Where a partition lies, as a path or URL to show to the user."""
        return f"{self.root}/{self._path(_name(table), partition)}"

    def write(self, table: Table, rows: pa.Table | Iterable[Mapping[str, Any]], partition: str = WHOLE) -> str:
        """Checks, sorts and writes one partition; returns its data version (sha256 of its content).

        Raises `LakeError` if a column is missing or null where it must not be, or a key repeats.
        """
        data = _conform(table, rows)
        version = table_version(data)
        current = self.version(table, partition)
        if current == version:
            return version
        data = data.replace_schema_metadata({_VERSION_KEY: version.encode()})
        sink = io.BytesIO()
        pq.write_table(data, sink, compression="zstd", store_schema=True, write_page_checksum=True)
        obstore.put(self._store, self._path(table.name, partition), sink.getvalue())
        return version

    def read(self, table: Table | str, partition: str = WHOLE, columns: Sequence[str] | None = None) -> pa.Table:
        """One partition, or some columns of it. Raises `LakeError` if it was never written, or with other columns."""
        path = self._path(_name(table), partition)
        try:
            with self._damage_named(table, partition):
                source = columns_of(self._store, path, columns) if columns else whole(self._store, path)
                # One thread: Arrow's pool now and then aborts the process when the interpreter ends (apache/arrow#34314).
                file = pq.ParquetFile(source, page_checksum_verification=True)
                data = file.read(list(columns) if columns else None, use_threads=False).replace_schema_metadata(None)
        except FileNotFoundError as error:
            raise LakeError(
                f"table {_name(table)} has no partition {partition!r}: materialize {_name(table)} first"
            ) from error
        if isinstance(table, Table) and not columns and set(data.column_names) != set(table.schema.names):
            raise LakeError(
                f"{self.location(table, partition)} was written by another version of raftline, with other columns: move "
                f"{self.root} away and run `raftline refresh`, which makes it anew. Documents, questions and ledger stay "
                "where they are, and what was paid for comes from the ledger"
            )
        return data

    def rows(self, table: Table | str, partition: str = WHOLE) -> list[dict[str, Any]]:
        """One partition as a list of dictionaries in the order on disk."""
        return self.read(table, partition).to_pylist()

    def rows_or_empty(self, table: Table | str, partition: str = WHOLE) -> list[dict[str, Any]]:
        """Like `rows`, but a partition that was never written is empty."""
        return self.rows(table, partition) if self.version(table, partition) else []

    def partitions(self, table: Table | str) -> list[str]:
        """The partitions on disk, sorted."""
        prefix = f"tables/{_name(table)}"
        found = []
        for page in obstore.list(self._store, prefix=prefix):
            for entry in page:
                name = str(entry["path"]).removeprefix(f"{prefix}/")
                if name.endswith(".parquet") and "/" not in name:
                    found.append(name.removesuffix(".parquet"))
        return sorted(found)

    def version(self, table: Table | str, partition: str = WHOLE) -> str | None:
        """The data version of a partition, read from its footer; None if it was never written."""
        try:
            end = footer(self._store, self._path(_name(table), partition))
        except FileNotFoundError:
            return None
        with self._damage_named(table, partition):
            metadata = pq.read_schema(pa.BufferReader(end)).metadata or {}
        return metadata.get(_VERSION_KEY, b"").decode() or None

    def count(self, table: Table | str, partition: str = WHOLE) -> int:
        """The number of rows of a partition, read from its footer; 0 if it was never written."""
        try:
            end = footer(self._store, self._path(_name(table), partition))
        except FileNotFoundError:
            return 0
        with self._damage_named(table, partition):
            return pq.read_metadata(pa.BufferReader(end)).num_rows

    def delete(self, table: Table | str, partition: str = WHOLE) -> None:
        """Removes one partition; nothing happens if it is not there."""
        try:
            obstore.delete(self._store, self._path(_name(table), partition))
        except FileNotFoundError:
            return

    def put_fingerprint(self, name: str, partition: str, parts: Mapping[str, str]) -> None:
        """Records what a partition was made from."""
        obstore.put(self._store, f"fingerprints/{name}/{partition}.json", canonical_json(dict(parts)).encode())

    def drop_fingerprint(self, name: str, partition: str) -> None:
        """Forgets what a partition was made from; nothing happens if that is not known."""
        try:
            obstore.delete(self._store, f"fingerprints/{name}/{partition}.json")
        except FileNotFoundError:
            return

    def fingerprint(self, name: str, partition: str = WHOLE) -> dict[str, str] | None:
        """What a partition was made from; None if it was never finished."""
        try:
            data = obstore.get(self._store, f"fingerprints/{name}/{partition}.json").bytes().to_bytes()
            return json.loads(data)
        except (FileNotFoundError, ValueError):
            return None

    def put_file(self, path: str, data: bytes) -> str:
        """Writes a named file for people and services to read; returns where it lies."""
        obstore.put(self._store, path, data)
        return f"{self.root}/{path}"

    def delete_files(self, prefix: str) -> None:
        """Removes every named file below a path."""
        found = [str(entry["path"]) for page in obstore.list(self._store, prefix=prefix) for entry in page]
        if found:
            obstore.delete(self._store, found)

    def delete_blob(self, digest: str) -> None:
        """Removes the bytes stored under a sha256; nothing happens if they are not there."""
        if self.has_blob(digest):
            obstore.delete(self._store, f"blobs/{digest}")

    def put_blob(self, data: bytes) -> str:
        """Stores bytes under their sha256, which is returned; equal bytes are stored once."""
        digest = hashlib.sha256(data).hexdigest()
        if not self.has_blob(digest):
            obstore.put(self._store, f"blobs/{digest}", data)
        return digest

    def has_blob(self, digest: str) -> bool:
        try:
            obstore.head(self._store, f"blobs/{digest}")
        except FileNotFoundError:
            return False
        return True

    def get_blob(self, digest: str) -> bytes:
        """The bytes stored under a sha256. Raises `LakeError` if they are gone."""
        try:
            return obstore.get(self._store, f"blobs/{digest}").bytes().to_bytes()
        except FileNotFoundError as error:
            raise LakeError(f"blob {digest} is not in the lake {self.root}") from error

    @contextmanager
    def _damage_named(self, table: Table | str, partition: str) -> Generator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise LakeError(
                f"{self.location(table, partition)} is damaged ({str(error).splitlines()[0]}): restore it from a "
                "backup, or delete it and run `raftline refresh`, which makes it again"
            ) from error

    @staticmethod
    def _path(name: str, partition: str) -> str:
        return f"tables/{name}/{partition}.parquet"


def _name(table: Table | str) -> str:
    return table if isinstance(table, str) else table.name


class _Hashed(io.RawIOBase):
    """Takes bytes and keeps only their hash."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.sha256.update(data)
        return len(data)


def table_version(data: pa.Table) -> str:
    """sha256 over the schema and the values, independent of how Parquet encodes them."""
    sink = _Hashed()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), data.schema) as writer:
        writer.write_table(data.combine_chunks())
    return sink.sha256.hexdigest()


def _conform(table: Table, rows: pa.Table | Iterable[Mapping[str, Any]]) -> pa.Table:
    data = rows if isinstance(rows, pa.Table) else _from_rows(table, list(rows))
    missing = [name for name in table.schema.names if name not in data.column_names]
    if missing:
        raise LakeError(f"table {table.name}: columns {missing} are missing")
    extra = [name for name in data.column_names if name not in table.schema.names]
    if extra:
        raise LakeError(f"table {table.name}: columns {extra} are not declared")
    try:
        data = data.select(table.schema.names).cast(table.schema)
    except (pa.ArrowException, ValueError) as error:
        raise LakeError(f"table {table.name}: {error}") from error
    for field in table.schema:
        if not field.nullable and data.column(field.name).null_count:
            raise LakeError(f"table {table.name}: column {field.name} holds nulls")
    if data.num_rows:
        data = data.sort_by([(column, "ascending") for column in dict.fromkeys((*table.sort_columns, *table.key))])
        keys = data.select(list(table.key)).group_by(list(table.key)).aggregate([])
        if keys.num_rows != data.num_rows:
            raise LakeError(f"table {table.name}: {data.num_rows - keys.num_rows} rows repeat a key {table.key}")
    return data.combine_chunks()


def _from_rows(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    declared = set(table.schema.names)
    for row in rows:
        if row.keys() != declared:
            wrong = sorted(declared ^ row.keys())
            raise LakeError(f"table {table.name}: a row's columns differ from the schema in {wrong}")
    try:
        nullable = pa.schema([field.with_nullable(True) for field in table.schema])
        return pa.Table.from_pylist([dict(row) for row in rows], schema=nullable)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise LakeError(f"table {table.name}: {error}") from error
