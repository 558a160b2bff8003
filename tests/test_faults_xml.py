"""Fault D4: XML that asks for files, for other hosts, or to be blown up gets none of it."""

import os
import socket
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fpdf import FPDF

from index.errors import SourceError
from index.records import Article, Failure
from index.sources import Listing, Sources
from index.sources.listing import read_listing

SECRET = "canary-in-a-file"
URL = "https://example.org/feed"
MEMORY = 400_000_000  # bytes of the child at its largest; idle it has 100 to 200 million
RSS = (
    '<?xml version="1.0"?>{}<rss version="2.0"><channel><title>News</title><item><title>{}</title>'
    "<link>https://example.org/a</link><description>{}</description></item></channel></rss>"
)
SITEMAP = (
    '<?xml version="1.0"?>{}<urlset><url><loc>https://example.org/a</loc><title>{}</title>'
    "<x>{}</x></url></urlset>"
)
XHTML = (
    '<?xml version="1.0"?>{}<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{}</title>'
    "</head><body><article><p>The bridge was built in the year 1907. {}</p></article></body></html>"
)


def asking(canary: str) -> dict[str, str]:
    """Document types whose entity x stands for what lies at the canary's address."""
    return {
        "system": f'<!DOCTYPE a [<!ENTITY x SYSTEM "{canary}">]>',
        "public": f'<!DOCTYPE a [<!ENTITY x PUBLIC "-//a//b" "{canary}">]>',
        "elsewhere": f'<!DOCTYPE a SYSTEM "{canary}">',
        "parameter": f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{canary}"> %p; <!ENTITY x "y">]>',
        "stylesheet": f'<?xml-stylesheet type="text/xsl" href="{canary}"?>',
    }


def laughs() -> dict[str, str]:
    """Document types whose entity x is a gigabyte and more when it is written out."""
    nested = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)
    )  # ten to the ninth
    return {
        "billion": f'<!DOCTYPE a [<!ENTITY l0 "lol">{nested}<!ENTITY x "&l9;">]>',
        "quadratic": f'<!DOCTYPE a [<!ENTITY y "{"y" * 100_000}"><!ENTITY x "{"&y;" * 20_000}">]>',
        "circle": '<!DOCTYPE a [<!ENTITY x "&y;&y;"><!ENTITY y "&x;&x;">]>',
        "parameters": (
            '<!DOCTYPE a [<!ENTITY % l0 "lol"><!ENTITY % l1 "%l0;%l0;"><!ENTITY x "%l1;">]>'
        ),
    }


@pytest.fixture
def sources() -> Iterator[Sources]:
    with Sources() as sources:
        yield sources


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


@pytest.fixture
def canary() -> Iterator[str]:
    """An address that nobody may ask for."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/canary"
        with pytest.raises(TimeoutError):
            listener.accept()


def read(sources: Sources, form: str, text: str) -> object:
    if form == XHTML:
        return sources.read_page(URL, text.encode(), "application/xhtml+xml")
    return sources.read_listing(URL, text.encode())


def assert_still_reads(sources: Sources) -> None:
    found = sources.read_listing(URL, RSS.format("", "The bridge", "").encode())
    assert isinstance(found, Listing) and found.entries[0].fields["title"] == "The bridge"


@pytest.mark.parametrize("form", [RSS, SITEMAP, XHTML], ids=["rss", "sitemap", "xhtml"])
def test_xml_gets_no_file_and_asks_nobody(
    sources: Sources, form: str, secret: Path, canary: str
) -> None:
    for place in (canary, secret.as_uri(), str(secret)):
        for prolog in asking(place).values():
            found = read(sources, form, form.format(prolog, "A &x; title", "&x;"))
            assert SECRET not in repr(found)
    assert_still_reads(sources)


@pytest.mark.parametrize("form", [RSS, SITEMAP], ids=["rss", "sitemap"])
def test_nor_do_its_parsers_when_no_child_keeps_them_from_it(
    form: str, secret: Path, canary: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.xml"
    for place in (canary, secret.as_uri(), str(secret)):
        for prolog in asking(place).values():
            path.write_text(form.format(prolog, "A &x; title", "&x;"))
            try:
                said = repr(read_listing(path))
            except SourceError as error:
                said = str(error)
            assert SECRET not in said


def test_what_includes_another_file_does_not_get_it(sources: Sources, secret: Path) -> None:
    inclusion = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret}"/>'
    for form in (RSS, SITEMAP):
        assert SECRET not in repr(read(sources, form, form.format("", inclusion, inclusion)))


@pytest.mark.parametrize("make", [str, Path.as_uri], ids=["path", "address"])
def test_a_feed_that_is_the_name_of_a_file_is_none(
    sources: Sources, secret: Path, make: Callable[[Path], str], tmp_path: Path
) -> None:
    secret.write_text(RSS.format("", SECRET, ""))
    found = sources.read_listing(URL, make(secret).encode())
    assert isinstance(found, Failure) and SECRET not in repr(found)


@pytest.mark.parametrize("kind", laughs())
@pytest.mark.parametrize("form", [RSS, SITEMAP, XHTML], ids=["rss", "sitemap", "xhtml"])
def test_xml_that_would_be_a_gigabyte_is_not_blown_up(
    sources: Sources, form: str, kind: str
) -> None:
    found = read(sources, form, form.format(laughs()[kind], "A &x; title", "&x;" * 100))
    if isinstance(found, Listing | Article):
        assert len(repr(found)) < 1_000_000
    assert most_memory() < MEMORY
    assert_still_reads(sources)


def test_a_packed_sitemap_that_would_be_a_gigabyte_is_cut_off(sources: Sources) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(bytes(10_000_000)) for _ in range(100)) + packer.flush()
    found = sources.read_listing(URL, packed)
    assert found == Failure(URL, "is larger than 50 MB")
    assert most_memory() < MEMORY


def test_metadata_of_a_pdf_are_not_read(sources: Sources, secret: Path, canary: str) -> None:
    for prolog in (
        *asking(canary).values(),
        *asking(secret.as_uri()).values(),
        laughs()["billion"],
    ):
        made = FPDF()
        made.set_xmp_metadata(prolog + "<x:xmpmeta xmlns:x='adobe:ns:meta/'>&x;</x:xmpmeta>")
        made.add_page()
        made.set_font("helvetica")
        made.cell(text="The bridge was built in 1907.")
        found = sources.read_page(URL, bytes(made.output()), "application/pdf")
        assert isinstance(found, Article) and found.text == "The bridge was built in 1907."
    assert most_memory() < MEMORY


def most_memory() -> int:
    """Bytes that the child had at its largest."""
    (status,) = (
        text
        for process in Path("/proc").glob("[0-9]*")
        if f"\nPPid:\t{os.getpid()}\n" in (text := _text(process / "status"))
        and "index.sources.child" in _text(process / "cmdline")
    )
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""  # the process has ended
