"""Parquet files in an object store, fetched whole or as far as is needed: the end, or some columns."""

import io
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import ObjectStore

_TAIL = 64 * 1024


def whole(store: ObjectStore, path: str) -> pa.BufferReader:
    """All of a file. Raises `FileNotFoundError`."""
    return pa.BufferReader(obstore.get(store, path).bytes().to_bytes())


def footer(store: ObjectStore, path: str) -> bytes:
    """The end of a file, from its metadata on: planning reads versions of tables of any size."""
    return _end(store, path, obstore.head(store, path)["size"])


def columns_of(store: ObjectStore, path: str, columns: Collection[str]) -> pa.NativeFile:
    """A file from which these columns can be read; of the others not much is fetched, and texts outweigh all else."""
    size = obstore.head(store, path)["size"]
    if size <= _TAIL:
        return whole(store, path)
    end = _end(store, path, size)
    places = _places(pq.read_metadata(pa.BufferReader(end)), columns)
    starts, ends = [start for start, _ in places], [end for _, end in places]
    fetched = obstore.get_ranges(store, path, starts=starts, ends=ends) if places else []
    parts = {start: part.to_bytes() for start, part in zip(starts, fetched, strict=True)} | {size - len(end): end}
    return pa.PythonFile(_PartlyFetched(size, partial(_part, store, path), parts), mode="r")


def _end(store: ObjectStore, path: str, size: int) -> bytes:
    tail = _part(store, path, max(0, size - _TAIL), size)
    length = int.from_bytes(tail[-8:-4], "little") + 8
    return tail if length <= len(tail) else _part(store, path, max(0, size - length), size)


def _part(store: ObjectStore, path: str, start: int, end: int) -> bytes:
    return obstore.get_range(store, path, start=start, end=end).to_bytes()


def _places(metadata: pq.FileMetaData, columns: Collection[str]) -> list[tuple[int, int]]:
    """Where the values of some columns lie in the file: starts and ends, those side by side as one."""
    ranges: list[tuple[int, int]] = []
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            if column.path_in_schema.split(".")[0] in columns:
                offsets = (column.dictionary_page_offset, column.data_page_offset)
                start = min(offset for offset in offsets if offset is not None)
                ranges.append((start, start + column.total_compressed_size))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


class _PartlyFetched(io.RawIOBase):
    """A file of a known size whose parts (by start) are here already; whatever else is read is fetched then."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes], parts: dict[int, bytes]):
        self._size = size
        self._fetch = fetch
        self._parts = parts
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        start, end = self._position, min(self._position + len(buffer), self._size)
        data = self._held(start, end) if start < end else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _held(self, start: int, end: int) -> bytes:
        for begin, data in self._parts.items():
            if begin <= start and end <= begin + len(data):
                return data[start - begin : end - begin]
        return self._fetch(start, end)
