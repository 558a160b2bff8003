"""What several tests need: real articles, real models, real libraries."""

import json
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import chromium
import pytest
from hypothesis import settings
from milvus_servers import lite
from playwright.sync_api import Browser, Page
from served import serving

from index.build import build, build_articles
from index.embed import DEFAULT_EMBEDDER, embedder_fingerprint, embedder_folder, load_embedder
from index.library import MODELS, library_fingerprint, model_name
from index.records import Article

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.register_profile("long", deadline=None, max_examples=2000)  # as the soak has it
settings.load_profile("untimed")

SEEDS = Path(__file__).parent.parent / "seeds"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"browser", "site"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
        if {"embedder_models", "tiny_embedder"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.model)


@pytest.fixture(scope="session")
def article() -> Callable[..., Article]:
    """Makes an article from its text, a title and a name that stands for its origin."""

    def make(text: str, title: str = "A title", name: str = "one.txt") -> Article:
        return Article(sha256(name.encode()).hexdigest()[:16], name, title, text)

    return make


def export(embedder: str, models: Path) -> Path:
    folder = models / model_name(library_fingerprint(embedder_fingerprint(embedder)))
    load_embedder(embedder).export(folder)
    return models


@pytest.fixture(scope="session")
def embedder_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library's folder of models, with the default embedder's ONNX form in it."""
    return export(DEFAULT_EMBEDDER, tmp_path_factory.mktemp("embedder") / MODELS)


@pytest.fixture
def new_library(embedder_models: Path, tmp_path: Path) -> Callable[..., Path]:
    """Builds a library of the articles given, in a folder of its own; its models are shared."""

    def make(articles: list[Article], name: str = "library") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / MODELS).symlink_to(embedder_models)
        build_articles(articles, folder)
        return folder

    return make


@pytest.fixture(scope="session")
def seed_library(embedder_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of the seed articles; nobody writes into it."""
    folder = tmp_path_factory.mktemp("seeds") / "library"
    folder.mkdir()
    (folder / MODELS).symlink_to(embedder_models)
    build([SEEDS], folder)
    return folder


@pytest.fixture(scope="module")
def lite_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of Milvus Lite's server, which the tests of a file share."""
    pytest.importorskip("pymilvus", reason=".venv/bin/pip install -e '.[milvus]'")
    with lite(tmp_path_factory.mktemp("server")) as port:
        yield port


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; the test is skipped where there is none."""
    if not Path(chromium.BINARY).exists():
        pytest.skip(f"no Chromium at {chromium.BINARY}: make test-browser installs it")
    with chromium.launched() as one:
        yield one


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of its own; an error of any script fails the test."""
    context = browser.new_context(viewport=chromium.DESK)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    one = context.new_page()
    errors: list[str] = []
    one.on("pageerror", lambda error: errors.append(str(error)))
    one.on("dialog", lambda dialog: errors.append(dialog.message))
    yield one
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def site(
    browser: Browser, embedder_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[chromium.Site]:
    """The real service on the seeds and a few articles that are hard to show."""
    folder = tmp_path_factory.mktemp("site") / "library"
    folder.mkdir()
    (folder / MODELS).symlink_to(embedder_models)
    report = build([SEEDS, chromium.write_articles(folder.parent)], folder)
    assert report.failures == []
    other = tmp_path_factory.mktemp("elsewhere")
    with chromium.elsewhere(other) as origin, serving(folder, origins=origin) as served:
        yield chromium.Site(served.address, origin, other)


@pytest.fixture(scope="session")
def tiny_embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model of 16 numbers and random weights: real, but quick."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("embedder") / "tiny"
    default = embedder_folder(DEFAULT_EMBEDDER)
    shutil.copytree(default, folder, ignore=shutil.ignore_patterns("model.safetensors"))
    config = BertConfig(
        vocab_size=30522,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=1.0,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    pooling = folder / "1_Pooling" / "config.json"
    settings = json.loads(pooling.read_text(encoding="utf-8"))
    pooling.write_text(json.dumps(settings | {"word_embedding_dimension": 16}), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny_models(tiny_embedder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library's folder of models, with the tiny embedder's ONNX form in it."""
    return export(str(tiny_embedder), tmp_path_factory.mktemp("tiny") / MODELS)
