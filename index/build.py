"""Files in, a published revision of the library out.

The way of one article: parse, split, embed, stage; at the end of the run everything staged
becomes live at once, with the derived indexes that belong to it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from index.acronyms import find_acronyms
from index.embed import (
    DEFAULT_EMBEDDER,
    TorchEmbedder,
    embedder_fingerprint,
    load_embedder,
    load_question_embedder,
)
from index.errors import EmbedderError, LibraryError, SourceError
from index.fetch import Visitor
from index.library import MODELS, library_fingerprint, model_name, passage_input
from index.lock import only_writer
from index.place import Place, folder_of
from index.records import Article, Failure, Passage, Same
from index.report import Report
from index.shelf import Shelf, open_shelf
from index.sources import KINDS, Sources, file_of, find_files, shown, web_url
from index.split import split

_BATCH = 512  # passages embedded together; a killed run loses no more


def build(
    paths: list[Path],
    place: Place,
    embedder: str = DEFAULT_EMBEDDER,
    *,
    only: bool = False,
    progress: bool = False,
    told: Callable[[int, int], None] = lambda done, total: None,
    urls: Sequence[str] = (),
    visitor: Visitor | None = None,
) -> Report:
    """Bring the library at `place` to what the files under `paths` and the `urls` hold now.

    Articles that came from elsewhere stay, unless `only`. `told` hears how many of how many
    files are read. `visitor`: who fetches the pages; one that stays outside for None.
    Raises `SourceError` when a path does not exist, `LibraryLocked` when another run is writing.
    """
    files = list(dict.fromkeys(file for path in paths for file in find_files(path)))
    roots = [shown(path.resolve()) for path in paths]

    def inside(origin: str) -> bool:
        return only or origin in urls or lies_under(origin, roots)

    def read() -> Iterator[Article | Failure]:
        for done, file in enumerate(bar, start=1):
            yield from sources.read(file)
            told(done, len(files))
        guest = Visitor() if visitor is None else visitor
        for url in dict.fromkeys(urls):
            yield _page(url, guest, sources)

    with Sources() as sources, tqdm(files, unit="file", disable=not progress, leave=False) as bar:
        report = build_articles(read(), place, embedder, inside)
    if not files and not urls:
        report.notes.append(f"no file of the kinds {', '.join(KINDS)} was found")
    return report


def lies_under(origin: str, roots: Iterable[str]) -> bool:
    """Whether one of the `roots`, files and folders, is or holds the origin."""
    return any(origin == root or origin.startswith((f"{root}/", f"{root}#")) for root in roots)


def _page(url: str, visitor: Visitor, sources: Sources) -> Article | Failure:
    """The article at the address. Nothing is lost when it can't be had: a failure keeps it."""
    try:
        page = visitor.visit(url)
    except SourceError as error:
        return Failure(url, str(error))
    assert page.data is not None  # no version's marks were sent
    return sources.read_page(url, page.data, page.kind)


def build_articles(
    articles: Iterable[Article | Failure | Same],
    place: Place,
    embedder: str = DEFAULT_EMBEDDER,
    inside: Callable[[str], bool] = lambda origin: True,
    *,
    anew: bool = False,
) -> Report:
    """Bring the library to `articles`: a live one that is not among them goes if `inside`.

    A `Same` keeps the article of its origin, as a failure does, and takes back a former failure.
    `inside`: whether an article of this origin would be among them if it still existed.
    `anew`: the search indexes are made anew even if they seem sound.
    Raises `LibraryLocked` when another run is writing, `LibraryError` when the disk refuses.
    """
    started = time.perf_counter()
    folder = folder_of(place)
    with only_writer(folder):
        store = open_shelf(place)
        try:
            run = _Run(store, folder, embedder, inside)
            run.read(articles)
            run.finish(anew)
        except OSError as error:
            raise LibraryError(f"{folder} can't be written: {error.strerror}") from error
        finally:
            store.close()
    report = run.report
    report.seconds = time.perf_counter() - started
    report.passages_per_second = report.embedded / report.seconds
    return report


class _Run:
    """The state of one indexing run."""

    def __init__(
        self, store: Shelf, folder: Path, embedder: str, inside: Callable[[str], bool]
    ) -> None:
        self.report = Report()
        self._store = store
        self._folder = folder
        self._inside = inside
        self._embedder_name = embedder
        self._embedder: TorchEmbedder | None = None
        self._fingerprint = library_fingerprint(embedder_fingerprint(embedder))
        self._seen: set[str] = set()
        self._same: set[str] = set()  # origins
        self._texts: dict[str, str] = {}  # text digest: origin of the article that stays
        self._waiting: list[tuple[Article, list[Passage]]] = []
        built_with = store.begin(self._fingerprint)
        self._all_again = built_with is not None and built_with != self._fingerprint
        if self._all_again:
            self.report.notes.append(
                f"the library was built with {built_with}: every article is embedded again"
            )

    def read(self, articles: Iterable[Article | Failure | Same]) -> None:
        """Stage what is new or changed among `articles`."""
        later = []
        for found in articles:
            if isinstance(found, Same):
                self._same.add(found.origin)
                continue
            if isinstance(found, Failure):
                self.report.failures.append(found)
                continue
            self.report.read += 1
            if any(self._is_still_to_come(*other) for other in self._others(found)):
                later.append(found)  # a copy, or the new place of what was moved
            else:
                self._take(found)
        for article in later:
            self._take(article)
        self._embed_waiting()

    def _take(self, article: Article) -> None:
        report, store = self.report, self._store
        live = store.digest(article.id, live=True)
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
        self._texts[article.text_digest] = article.origin

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
        if article.text_digest in self._texts:
            return self._texts[article.text_digest]
        for _, origin in self._others(article):
            if origin in self._same or (not self._inside(origin) and _stays(origin)):
                return origin
        return None

    def _wait(self, article: Article) -> None:
        if self._store.digest(article.id, live=False) == article.digest:
            return  # staged by a run that was interrupted
        self._waiting.append((article, split(article)))
        if sum(len(passages) for _, passages in self._waiting) >= _BATCH:
            self._embed_waiting()

    def _embed_waiting(self) -> None:
        """Embed the passages of the waiting articles together, then stage each article."""
        if not self._waiting:
            return
        texts = [
            passage_input(article.title, passage.text)
            for article, passages in self._waiting
            for passage in passages
        ]
        vectors = self._load_embedder().encode(texts)
        self.report.embedded += len(texts)
        done = 0
        for article, passages in self._waiting:
            part = vectors[done : done + len(passages)]
            self._store.stage(article, passages, part, find_acronyms(article.text))
            done += len(passages)
        self._waiting.clear()

    def _load_embedder(self) -> TorchEmbedder:
        if self._embedder is None:
            self._embedder = load_embedder(self._embedder_name)
        return self._embedder

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
            self._export_embedder()
        if different:
            store.publish(removed, report.failures, self._inside, self._fingerprint)
        else:
            store.set_failures(report.failures, self._inside)
        counts = store.counts()
        report.articles, report.passages = counts.articles, counts.passages
        report.revision = store.revision

    def _gone(self) -> list[str]:
        """Live articles that were not met again.

        All that came from a file with a failure are kept: a broken row can't say which it was.
        """
        kept = self._same | {file_of(failure.origin) for failure in self.report.failures}
        return [
            id
            for id, origin in self._store.live_origins()
            if id not in self._seen and self._inside(origin) and file_of(origin) not in kept
        ]

    def _forget_leftovers(self, removed: set[str]) -> None:
        """Unstage what only a former, interrupted run has met."""
        wanted = set(self._seen)
        if self._all_again:
            wanted.update(id for id, _ in self._store.live_origins() if id not in removed)
        for id in self._store.staged_ids():
            if id not in wanted:
                self._store.unstage(id)

    def _stage_rest(self, removed: set[str]) -> None:
        """Another model: the articles this run did not read are embedded again, too."""
        for article in self._store.every_article():
            if article.id not in removed and article.id not in self._seen:
                self._wait(article)
        self._embed_waiting()

    def _export_embedder(self) -> None:
        """Make sure the library's folder holds the ONNX form that questions need."""
        folder = self._folder / MODELS / model_name(self._fingerprint)
        try:
            load_question_embedder(folder, self._fingerprint)
        except EmbedderError:
            self._load_embedder().export(folder)


def _stays(origin: str) -> bool:
    """Whether what was read there is still to be had; a page of the web counts as such."""
    return web_url(origin) is not None or Path(file_of(origin)).exists()
