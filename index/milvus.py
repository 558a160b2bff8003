"""A Milvus server: two collections of one library, read and written. The only file that imports
pymilvus; it must not know what an article is.

What is said here holds for the servers 2.3.5 and Lite 3.2.2 as well: 2.3.5 knows no templates in
expressions and no BM25, Lite forgets descriptions and gives BM25 with a minus sign.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.calls import Calls
from index.errors import LibraryError
from index.parcels import LONGEST, Row, one_of, parcels, parts
from index.place import Remote

MOST = 16_384  # results of one search or query, the server's own limit
_OLDEST, _WITH_WORDS = (2, 3), (2, 5)  # versions
_PATIENCE = 10.0  # seconds until a call is given up
_MAKING = 120.0  # the same for making, loading and indexing a collection
_SOONER = 0.5  # seconds between two looks at what is being indexed
_IDS = 4096  # ids in one expression
_STEP = 200  # values in one query: with texts of full length 13 MB, of the 64 MB that are sent
_EF = 800  # neighbours looked at: of the 100 nearest of 12,000 .9994, with 200 .981
_SOON = {
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.keepalive_time_ms": 300_000,  # a server hangs up on who asks more often if it is there
}
_WAITING = {  # with backoff, for a server that is back before a call is given up
    "grpc.service_config": json.dumps(
        {
            "methodConfig": [
                {
                    "name": [{}],
                    "waitForReady": True,
                    "retryPolicy": {
                        "maxAttempts": 5,
                        "initialBackoff": "0.2s",
                        "maxBackoff": "2s",
                        "backoffMultiplier": 2,
                        "retryableStatusCodes": ["UNAVAILABLE"],
                    },
                }
            ]
        }
    )
}
_NO_VECTOR = [0.0, 0.0]  # every collection must have a vector field
_WORDS = {"tokenizer": "standard"}  # words come as stems: Lite passes over filters without a word

_ROW = {"id", "kind", "article", "word", "value", "run"}
_PASSAGE = {"id", "article", "run", "start", "stop", "vector", "words"}
_FOUND = ["article", "words"]
_FIRST = {"article", "word", "sparse"}  # fields whose indexes are made before that of the vectors

Floats = NDArray[np.float32]


class Milvus:
    """One library's collections on a server: `rows` of text by id, and `passages` to search.

    Safe to use from several threads. Raises `LibraryAway` when the server can't be used; with
    `patient` not before it was waited for, which is safe as every call may be made twice.
    """

    def __init__(self, remote: Remote, *, patient: bool = False) -> None:
        self.address = str(remote)
        self.rows, self.passages = f"{remote.name}_rows", f"{remote.name}_passages"
        self._calls = Calls(remote)
        with self._calls.translated():
            self._client = _load_client(remote, patient)
            told = str(self._client.get_server_version(timeout=_PATIENCE))
        found = re.search(r"(\d{1,4})\.(\d{1,4})", told)
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        if version < _OLDEST:
            raise LibraryError(
                f"the server of {self.address} is {told}: Milvus must be 2.3 or newer"
            )
        self._makes_words = version >= _WITH_WORDS
        self.can_match = False  # whether its passages can be searched by their words

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def has(self, collection: str) -> bool:
        """Whether the collection exists, and is whole: with the last of its indexes."""
        with self._calls.translated():
            if not self._client.has_collection(collection, timeout=_PATIENCE):
                return False
            return not set(self._client.list_indexes(collection, timeout=_PATIENCE)) <= _FIRST

    def load(self, collection: str) -> None:
        """Make the collection ready to be read. Raises `LibraryError` when it is not ours."""
        with self._calls.translated():
            told = self._client.describe_collection(collection, timeout=_PATIENCE)
            fields = {field["name"] for field in told["fields"]}
            if not (_ROW if collection == self.rows else _PASSAGE) <= fields:
                raise LibraryError(
                    f"{collection} is a collection of something else: choose another name than"
                    f" {self.address}"
                )
            if collection == self.passages:
                self.can_match = "sparse" in fields
            self._client.load_collection(collection, timeout=_MAKING)

    def make_rows(self) -> None:
        """Make the collection of rows."""
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=512)
        for name, length in (("kind", 16), ("article", 256), ("word", 256), ("value", LONGEST)):
            schema.add_field(name, DataType.VARCHAR, max_length=length)
        schema.add_field("run", DataType.INT64)
        schema.add_field("nothing", DataType.FLOAT_VECTOR, dim=len(_NO_VECTOR))
        text = "INVERTED" if self._makes_words else "Trie"
        indexes: list[Row] = [
            {"field_name": one, "index_type": text} for one in ("article", "word")
        ]
        indexes.append({"field_name": "nothing", "index_type": "FLAT", "metric_type": "L2"})
        self._make(self.rows, schema, indexes)

    def make_passages(self, dimension: int) -> None:
        """Make the collection of passages, with BM25 where the server has it."""
        from pymilvus import DataType, Function, FunctionType

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("article", DataType.VARCHAR, max_length=256)
        for name in ("run", "start", "stop"):
            schema.add_field(name, DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        analysed = {"enable_analyzer": True, "analyzer_params": _WORDS} if self._makes_words else {}
        schema.add_field("words", DataType.VARCHAR, max_length=LONGEST, **analysed)
        text = "INVERTED" if self._makes_words else "Trie"
        indexes: list[Row] = [{"field_name": "article", "index_type": text}]
        if self._makes_words:
            schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
            schema.add_function(Function("bm25", FunctionType.BM25, ["words"], ["sparse"]))
            of_words = {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25"}
            indexes.append({"field_name": "sparse", **of_words})
        of_vectors = {"index_type": "HNSW", "metric_type": "IP"}
        params = {"M": 16, "efConstruction": 200}
        indexes.append({"field_name": "vector", **of_vectors, "params": params})
        self._make(self.passages, schema, indexes)
        self.can_match = self._makes_words

    def _make(self, collection: str, schema: Any, indexes: Sequence[Row]) -> None:
        """What is there stays: another run makes it just now, or was killed doing so."""
        client = self._client
        with self._calls.translated():
            _see_to(
                lambda: client.has_collection(collection, timeout=_PATIENCE),
                lambda: client.create_collection(
                    collection, schema=schema, consistency_level="Bounded", timeout=_MAKING
                ),
            )
            for index in indexes:
                made = client.prepare_index_params()
                made.add_index(**index)
                _see_to(
                    partial(self._is_indexed, collection, index["field_name"]),
                    partial(client.create_index, collection, made, timeout=_MAKING),
                )

    def _is_indexed(self, collection: str, field: str) -> bool:
        return field in self._client.list_indexes(collection, timeout=_PATIENCE)

    def get(
        self, collection: str, where: str, fields: Sequence[str], *, strong: bool = False
    ) -> list[Row]:
        """At most `MOST` rows. `strong`: all that was written before; else of late seconds ago."""
        with self._calls.translated():
            return list(
                self._client.query(
                    collection,
                    filter=where,
                    output_fields=["id", *fields],
                    limit=MOST,
                    consistency_level="Strong" if strong else "Bounded",
                    timeout=_PATIENCE,
                )
            )

    def get_by(
        self, collection: str, field: str, values: Sequence[Any], fields: Sequence[str], also: str
    ) -> list[Row]:
        """Rows whose field has one of the values, and for which `also` holds."""
        return [
            row
            for part in parts(values, _STEP)
            for row in self.get(collection, f"{one_of(field, part)} and {also}", fields)
        ]

    def every(self, collection: str, where: str, fields: Sequence[str]) -> Iterator[Row]:
        """All rows, as many as there are, with all that was written before; no long texts."""
        with self._calls.translated():
            going = self._client.query_iterator(
                collection,
                batch_size=_IDS,
                filter=where,
                output_fields=["id", *fields],
                consistency_level="Strong",
                timeout=_PATIENCE,
            )
            batch = going.next()
            while batch:
                yield from batch
                batch = going.next() if len(batch) == _IDS else []
            going.close()

    def settle(self) -> None:
        """Have the passages that were written indexed, and wait for it up to two minutes.

        Before that a server looks by meaning through a part of them only, when they are many.
        """
        with self._calls.translated():
            self._client.flush(self.passages, timeout=_MAKING)
            end = time.monotonic() + _MAKING
            while time.monotonic() < end:
                told = self._client.describe_index(self.passages, "vector", timeout=_PATIENCE)
                if not told.get("pending_index_rows"):
                    return
                time.sleep(_SOONER)

    def nearest(self, vector: Floats, k: int, where: str) -> list[Row]:
        """At most `k` passages, best first: id, article, words and `score`, the cosine."""
        params = {"params": {"ef": max(_EF, k)}}
        return self._search("vector", vector.tolist(), k, where, params)

    def matching(self, text: str, k: int, where: str) -> list[Row]:
        """The same by BM25, as the server counts it."""
        rows = self._search("sparse", text, k, where, {})
        return [row | {"score": abs(row["score"])} for row in rows]

    def _search(self, field: str, given: Any, k: int, where: str, params: Row) -> list[Row]:
        with self._calls.translated():
            [found] = self._client.search(
                self.passages,
                [given],
                anns_field=field,
                limit=min(k, MOST),
                filter=where,
                output_fields=_FOUND,
                search_params=params,
                consistency_level="Bounded",
                timeout=_PATIENCE,
            )
        return [
            {"id": hit["id"], "score": float(hit["distance"]), **hit["entity"]} for hit in found
        ]

    def put_rows(self, rows: Sequence[Row]) -> None:
        """Write rows: id, kind, article, word, run, value."""
        self._put(self.rows, [{"nothing": _NO_VECTOR, **row} for row in rows])

    def put_passages(self, rows: Sequence[Row]) -> None:
        """Write passages: id, article, run, start, stop, vector, words."""
        self._put(self.passages, rows)

    def _put(self, collection: str, rows: Sequence[Row]) -> None:
        """Upserted, for a call that is given up may have been heard, and is made again."""
        with self._calls.translated():
            for part in parcels(rows):
                self._client.upsert(collection, list(part), timeout=_PATIENCE)

    def delete(self, collection: str, ids: Sequence[Any]) -> None:
        """Take rows out by their ids; one that is not there is none."""
        with self._calls.translated():
            for part in parts(ids, _IDS):
                self._client.delete(collection, ids=list(part), timeout=_PATIENCE)

    def drop(self) -> None:
        """Delete the library, both its collections; one that is not there is none."""
        with self._calls.translated():
            for collection in (self.passages, self.rows):
                self._client.drop_collection(collection, timeout=_MAKING)


def _see_to(is_there: Callable[[], bool], make: Callable[[], Any]) -> None:
    """Make what is not there, which another run may do at the same moment."""
    if is_there():
        return
    try:
        make()
    except Exception:
        if not is_there():
            raise


def _load_client(remote: Remote, patient: bool) -> Any:
    from pymilvus import MilvusClient

    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs every error with its trace
    return MilvusClient(
        uri=f"http://{remote.host}:{remote.port}",
        secure=remote.tls,
        token=remote.token or "",
        timeout=_PATIENCE,
        grpc_options=_SOON | (_WAITING if patient else {}),
        dedicated=patient,  # others in this process would get the same connection
    )
