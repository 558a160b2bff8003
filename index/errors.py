"""What can go wrong below a question.

LibraryError
├── SourceError        a file or row can't become an article
│   └── SourceBusy     a page's site asks not to be asked for some time
├── EmbedderError      the embedding model can't be loaded
│   └── EmbedderMissing  its ONNX form is not in the library's folder, or is damaged
├── LibraryAway        the server that it lies on can't be used now
├── LibraryMissing     nothing has been indexed in this folder yet
├── LibraryLocked      another process is indexing into this folder
├── LibraryMismatch    built with another embedder, splitter or format
├── LibraryCorrupt     what is stored contradicts itself
└── ContractBroken     a library does not do what every library must

Every message is one sentence for the person in front of the screen: what is wrong and
what to do.
"""


class LibraryError(Exception):
    """Any failure of this package."""


class SourceError(LibraryError):
    """A file or row can't become an article."""


class SourceBusy(SourceError):
    """A page's site asks not to be asked for so many `seconds`."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class EmbedderError(LibraryError):
    """The embedding model can't be loaded."""


class EmbedderMissing(EmbedderError):
    """A library's folder has no whole ONNX form of the embedder: it must be made."""


class LibraryAway(LibraryError):
    """The server that the library lies on can't be used now."""


class LibraryMissing(LibraryError):
    """Nothing has been indexed in this folder yet."""


class LibraryLocked(LibraryError):
    """Another process is indexing into this folder."""


class LibraryMismatch(LibraryError):
    """The library was built with another embedder, splitter or format."""


class LibraryCorrupt(LibraryError):
    """What is stored contradicts itself."""


class ContractBroken(LibraryError):
    """A library does not do what every library must."""
