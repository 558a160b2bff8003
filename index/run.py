"""One indexing run: what is new, changed and gone among its articles, and what is embedded.

It must not know where articles come from, nor where the library lies.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from index.acronyms import find_acronyms
from index.embed import (
    Floats,
    OnnxEmbedder,
    TorchEmbedder,
    embedder_fingerprint,
    load_embedder,
    load_question_embedder,
)
from index.errors import EmbedderMissing
from index.library import MODELS, library_fingerprint, model_name, passage_input
from index.records import GIVEN, Article, Failure, Passage, Same, Version
from index.report import Report
from index.shelf import Shelf
from index.sources import file_of, web_url
from index.split import split
from index.workers import Workers

_BATCH = 512  # passages embedded together; a killed run loses no more
_FEW = 100  # passages that are embedded one by one sooner than torch is loaded
_LOOKED_UP = 200  # articles looked up together,
_LETTERS = 8_000_000  # of so many letters at most
_HELD = 1000  # articles that wait for another indexer
_AGAIN = 1.0  # seconds until they are looked at again


class Run:
    """The state of one indexing run."""

    def __init__(
        self,
        store: Shelf,
        folder: Path,
        embedder: str,
        inside: Callable[[str], bool],
        ids: Sequence[str] | None,
        workers: int,
        copies: bool,
    ) -> None:
        self.report = Report()
        self._store = store
        self._folder = folder
        self._inside = inside
        self._ids = ids
        self._embedder_name = embedder
        self._workers = workers
        self._copies = copies
        self._embedder: TorchEmbedder | Workers | None = None
        self._question_embedder: OnnxEmbedder | None = None
        self._fingerprint = library_fingerprint(embedder_fingerprint(embedder))
        self._seen: set[str] = set()  # ids
        self._same: set[str] = set()  # origins
        self._texts: dict[bytes, str] = {}  # text digest: origin of the article that stays
        self._waiting: list[tuple[Article, list[Passage]]] = []
        self._held: list[tuple[Article, list[Passage]]] = []
        built_with = store.begin(self._fingerprint)
        self._all_again = built_with is not None and built_with != self._fingerprint
        if self._all_again:
            self.report.notes.append(
                f"the library was built with {built_with}: every article is embedded again"
            )

    def read(self, articles: Iterable[Article | Failure | Same]) -> None:
        """Stage what is new or changed among `articles`."""
        later = []
        for batch in _batches(self._noted(articles)):
            self._store.look(batch)
            for article in batch:
                if any(self._is_still_to_come(*other) for other in self._others(article)):
                    later.append(article)  # a copy, or the new place of what was moved
                else:
                    self._take(article)
            if len(self._held) > _HELD:
                self._await_others()
        for batch in _batches(later):
            self._store.look(batch)
            for article in batch:
                self._take(article)
        self._embed_waiting()
        self._await_others()

    def _noted(self, articles: Iterable[Article | Failure | Same]) -> Iterator[Article]:
        for found in articles:
            if isinstance(found, Same):
                self._same.add(found.origin)
            elif isinstance(found, Failure):
                self.report.failures.append(found)
            else:
                self.report.read += 1
                yield found

    def _take(self, article: Article) -> None:
        report, store = self.report, self._store
        live = store.live_digest(article.id)
        if article.id in self._seen:  # it came before, such as by another path to it
            report.duplicate += 1
            report.duplicates.append((article.origin, article.origin))
            return
        if live == article.digest and not self._all_again:
            report.unchanged += 1
            store.unstage(article.id)
        elif (twin := self._twin(article)) is not None:
            report.duplicate += 1
            report.duplicates.append((article.origin, twin))
            return  # not seen: an older version of it, with a text of its own, goes
        else:
            if live is None:
                report.added += 1
            else:
                report.changed += 1
            self._wait(article)
        self._seen.add(article.id)
        self._texts[_brief(article)] = article.origin

    def _others(self, article: Article) -> list[tuple[str, str]]:
        """Id and origin of the other live articles with exactly this text."""
        return [
            (id, origin)
            for id, origin in self._store.live_with_text(article.text_digest)
            if id != article.id
        ]

    def _is_still_to_come(self, id: str, origin: str) -> bool:
        """Whether this run may yet meet a live article: until then it may change or be gone."""
        return id not in self._seen and self._inside(origin)

    def _twin(self, article: Article) -> str | None:
        """The origin of another article with exactly this text that stays in the library."""
        if self._copies or article.origin.startswith(GIVEN):  # its giver asks for its own id
            return None
        if _brief(article) in self._texts:
            return self._texts[_brief(article)]
        for _, origin in self._others(article):
            if origin in self._same or (not self._inside(origin) and _stays(origin)):
                return origin
        return None

    def _wait(self, article: Article) -> None:
        if self._store.takes_up(article):
            return
        self._waiting.append((article, split(article)))
        if sum(len(passages) for _, passages in self._waiting) >= _BATCH:
            self._embed_waiting()

    def _embed_waiting(self) -> None:
        """Embed the passages of the waiting articles together, and stage these.

        What another indexer is about to write is held back.
        """
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        mine = self._store.claim([article for article, _ in waiting])
        self._held += [one for one in waiting if one[0].id not in mine]
        waiting = [one for one in waiting if one[0].id in mine]
        if not waiting:
            return
        texts = [
            passage_input(article.title, passage.text)
            for article, passages in waiting
            for passage in passages
        ]
        vectors = self._embed(texts)
        self.report.embedded += len(texts)
        versions, done = [], 0
        for article, passages in waiting:
            part = vectors[done : done + len(passages)]
            versions.append(Version(article, passages, part, find_acronyms(article.text)))
            done += len(passages)
        self._store.stage_all(versions)

    def _await_others(self) -> None:
        """See that what other indexers were about to write is written, by them or by this run."""
        while self._held:
            held, self._held = self._held, []
            for batch in _batches(article for article, _ in held):
                self._store.look(batch)
                for article in batch:
                    if self._store.live_digest(article.id) != article.digest:
                        self._wait(article)
            self._embed_waiting()
            if self._held:
                time.sleep(_AGAIN)

    def _embed(self, texts: list[str]) -> Floats:
        if self._embedder is None and len(texts) <= _FEW:
            return self._load_question_embedder().encode(texts)
        return self._load_embedder().encode(texts)

    def _load_embedder(self) -> TorchEmbedder | Workers:
        if self._embedder is None:
            name, workers = self._embedder_name, self._workers
            self._embedder = load_embedder(name) if workers == 1 else Workers(name, workers)
        return self._embedder

    def close(self) -> None:
        """End the processes that embed."""
        if isinstance(self._embedder, Workers):
            self._embedder.close()

    def finish(self, anew: bool) -> None:
        """Publish, if anything is different from the published revision, or to be made anew."""
        store, report = self._store, self.report
        removed = self._gone()
        report.removed, report.failed = len(removed), len(report.failures)
        self._forget_leftovers(set(removed))
        if self._all_again:
            self._stage_rest(set(removed))
        mended = store.revision > 0 and (anew or not store.is_sound())
        if mended:
            was = "has" if anew else "was damaged and has"
            report.notes.append(f"the search index {was} been rebuilt")
        different = report.added or report.changed or removed or self._all_again or mended
        if different or store.revision > 0:
            self._load_question_embedder()
        if different:
            store.publish(removed, report.failures, self._inside, self._fingerprint)
        else:
            store.set_failures(report.failures, self._inside)
        store.tidy()
        counts = store.counts()
        report.articles, report.passages = counts.articles, counts.passages
        report.revision = store.revision

    def _gone(self) -> list[str]:
        """Live articles that were not met again.

        All that came from a file with a failure are kept: a broken row can't say which it was.
        """
        kept = {file_of(origin) for origin in self._same}
        kept |= {file_of(failure.origin) for failure in self.report.failures}

        def is_gone(id: str, origin: str) -> bool:
            return id not in self._seen and self._inside(origin) and file_of(origin) not in kept

        return self._store.gone(is_gone, self._ids)

    def _forget_leftovers(self, removed: set[str]) -> None:
        """Unstage what only a former, interrupted run has met."""
        kept: set[str] = set()
        if self._all_again:
            kept.update(self._store.gone(lambda id, _: id not in removed))
        for id in self._store.staged_ids():
            if id not in self._seen and id not in kept:
                self._store.unstage(id)

    def _stage_rest(self, removed: set[str]) -> None:
        """Another model: the articles this run did not read are embedded again, too."""
        for article in self._store.every_article():
            if article.id not in removed and article.id not in self._seen:
                self._wait(article)
        self._embed_waiting()

    def _load_question_embedder(self) -> OnnxEmbedder:
        """The ONNX form in the library's folder, which is made if it is not there or damaged."""
        if self._question_embedder is None:
            folder = self._folder / MODELS / model_name(self._fingerprint)
            try:
                self._question_embedder = load_question_embedder(folder, self._fingerprint)
            except EmbedderMissing:
                embedder = self._load_embedder()
                if isinstance(embedder, Workers):
                    embedder = load_embedder(self._embedder_name)
                embedder.export(folder)
                self._question_embedder = load_question_embedder(folder, self._fingerprint)
        return self._question_embedder


def _brief(article: Article) -> bytes:
    """What tells its text from any other, in little room: there are as many as articles."""
    return bytes.fromhex(article.text_digest)[:16]


def _batches(articles: Iterable[Article]) -> Iterator[list[Article]]:
    """Articles in turn, as many together as are looked up."""
    batch: list[Article] = []
    letters = 0
    for article in articles:
        batch.append(article)
        letters += len(article.text)
        if len(batch) == _LOOKED_UP or letters > _LETTERS:
            yield batch
            batch, letters = [], 0
    if batch:
        yield batch


def _stays(origin: str) -> bool:
    """Whether what was read there is still to be had; a page of the web counts as such."""
    try:
        return web_url(origin) is not None or Path(file_of(origin)).exists()
    except OSError:  # nobody may look
        return True
