"""Files in, a published revision of the library out.

The way of one article: parse, split, embed, stage; at the end of the run everything staged
becomes live at once, with the derived indexes that belong to it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import RLock

from tqdm import tqdm

from index.embed import DEFAULT_EMBEDDER
from index.errors import LibraryError, SourceError
from index.fetch import Visitor
from index.lock import only_writer
from index.place import Place, folder_of
from index.records import Article, Failure, Same
from index.report import Report
from index.run import Run
from index.shelf import open_shelf
from index.sources import KINDS, Sources, find_files, shown

_COPIES = (
    "what was removed may have copies in other places, which were passed over until now:"
    " index those again"
)

# No thread that watches the bars, whose start never ends where there is no memory, and no lock
# between processes, for which another process would be started.
tqdm.monitor_interval = 0
tqdm.set_lock(RLock())


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
    workers: int = 1,
) -> Report:
    """Bring the library at `place` to what the files under `paths` and the `urls` hold now.

    Articles that came from elsewhere stay, unless `only`. `told` hears how many of how many
    files are read. `visitor`: who fetches the pages; one that stays outside for None. `workers`:
    processes that embed.
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
        report = build_articles(read(), place, embedder, inside, workers=workers)
    if report.removed and not only:
        report.notes.append(_COPIES)
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
    ids: Sequence[str] | None = None,
    anew: bool = False,
    workers: int = 1,
    copies: bool = False,
) -> Report:
    """Bring the library to `articles`: a live one that is not among them goes if `inside`.

    A `Same` keeps the article of its origin, as a failure does, and takes back a former failure.
    `inside`: whether an article of this origin would be among them if it still existed. `ids`:
    no other articles are inside, where that is known.
    `anew`: the search indexes are made anew even if they seem sound. `copies`: whether an article
    with the text of another is kept beside it.
    Raises `LibraryLocked` when another run is writing, `LibraryError` when the disk refuses.
    """
    started = time.perf_counter()
    folder = folder_of(place)
    with only_writer(folder):
        store = open_shelf(place)
        try:
            with closing(Run(store, folder, embedder, inside, ids, workers, copies)) as run:
                run.read(articles)
                run.finish(anew)
        except OSError as error:
            raise LibraryError(f"{folder} can't be written: {error.strerror or error}") from error
        finally:
            store.close()
    report = run.report
    report.seconds = time.perf_counter() - started
    report.passages_per_second = report.embedded / report.seconds
    return report
