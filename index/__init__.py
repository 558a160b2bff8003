"""Articles in, passages out. Knows nothing of questions."""

from index.backup import backup, restore
from index.build import build, build_articles
from index.contract import contract_of
from index.embed import (
    DEFAULT_EMBEDDER,
    Embedder,
    embedder_fingerprint,
    embedder_folder,
    load_embedder,
    load_question_embedder,
)
from index.errors import (
    EmbedderError,
    LibraryAway,
    LibraryCorrupt,
    LibraryError,
    LibraryLocked,
    LibraryMismatch,
    LibraryMissing,
    SourceError,
)
from index.files import file_digest, read_settings, sync_tree, write_whole
from index.fuse import fuse_attention
from index.library import MODELS, Library, library_fingerprint, published
from index.migrate import migrate
from index.onnx import export_model, open_session
from index.opened import AnyLibrary, check_fingerprint, open_library
from index.place import SCHEMES, Place, Remote, folder_of, place_of
from index.put import given_article, is_given
from index.records import Article, Counts, Failure, Hit, Passage
from index.report import Report
from index.sound import repair, verify
from index.sources import one_line
from index.split import sentences, split
from index.telemetry import no_telemetry
from index.terms import stems
from index.watch import Round, watch

__all__ = [
    "DEFAULT_EMBEDDER",
    "MODELS",
    "SCHEMES",
    "AnyLibrary",
    "Article",
    "Counts",
    "Embedder",
    "EmbedderError",
    "Failure",
    "Hit",
    "Library",
    "LibraryAway",
    "LibraryCorrupt",
    "LibraryError",
    "LibraryLocked",
    "LibraryMismatch",
    "LibraryMissing",
    "Passage",
    "Place",
    "Remote",
    "Report",
    "Round",
    "SourceError",
    "backup",
    "build",
    "build_articles",
    "check_fingerprint",
    "contract_of",
    "embedder_fingerprint",
    "embedder_folder",
    "export_model",
    "file_digest",
    "folder_of",
    "fuse_attention",
    "given_article",
    "is_given",
    "library_fingerprint",
    "load_embedder",
    "load_question_embedder",
    "migrate",
    "no_telemetry",
    "one_line",
    "open_library",
    "open_session",
    "place_of",
    "published",
    "read_settings",
    "repair",
    "restore",
    "sentences",
    "split",
    "stems",
    "sync_tree",
    "verify",
    "watch",
    "write_whole",
]
