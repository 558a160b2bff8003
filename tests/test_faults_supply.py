"""Faults F1 to F5: what is installed, what is loaded, and what leaves this machine."""

import json
import math
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import distributions, requires, version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from served import ROOT

from index import Article, EmbedderError
from index.embed import OnnxEmbedder, load_question_embedder
from qa import ReaderError
from qa.ask import open_qa
from qa.convert import reader_folder
from qa.reader import ABOUT, DEFAULT_READER, MODEL, TOKENIZER, Reader, load_reader
from qa.records import reply_json

NewLibrary = Callable[..., Path]
MakeArticle = Callable[..., Article]

# F1


def pinned(lock: str) -> dict[str, str]:
    """The version of each package that a lock file names for a machine and Python like these."""
    lines = (ROOT / lock).read_text().splitlines()
    found = (re.match(r"([\w.-]+)==([^\s\\]+)(?: ; ([^\\]+))?", line) for line in lines)
    return {
        canonicalize_name(one[1]): one[2]
        for one in found
        if one is not None and (one[3] is None or Marker(one[3]).evaluate())
    }


def needed(name: str) -> set[str]:
    """The packages that an installed one needs to run, and those that they need."""
    found: set[str] = set()
    coming = [name]
    while coming:
        for line in requires(coming.pop()) or []:
            one = Requirement(line)
            other = canonicalize_name(one.name)
            wanted = one.marker is None or one.marker.evaluate({"extra": ""})
            if wanted and other not in found:
                found.add(other)
                coming.append(other)
    return found


def test_every_package_that_runs_is_pinned() -> None:
    more = {"torch", "setuptools"}  # pinned in pyproject.toml; with which torch builds kernels
    assert needed("citespan") <= {*pinned("requirements.lock"), *more}
    [torch] = re.findall(r'"torch==([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert version("torch").partition("+")[0] == torch


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_package_is_installed_as_it_is_pinned(lock: str) -> None:
    installed = {canonicalize_name(one.metadata["Name"]): one.version for one in distributions()}
    wanted = pinned(lock)
    assert wanted and {name: installed.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_pinned_package_has_its_hashes(lock: str) -> None:
    told = (ROOT / lock).read_text().removeprefix("-r requirements.lock\n")
    line = r"[\w.-]+==\S+( ;[^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+"
    left = re.sub(rf"^{line}\n", "", told, flags=re.MULTILINE)
    assert left == "", "run make lock"


# F2


def model(inputs: list[str], elsewhere: str | None = None) -> onnx.ModelProto:
    """A network that gives scores of the right shape; its one weight may lie in another file."""
    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1], [2.0])
    if elsewhere is not None:
        weight.ClearField("float_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in {"location": elsewhere, "offset": "0", "length": "4"}.items():
            weight.external_data.add(key=key, value=value)
    nodes = [helper.make_node("Cast", ["input_ids"], ["ids"], to=TensorProto.FLOAT)]
    for made in ("start_logits", "end_logits", "sentence_embedding"):
        nodes.append(helper.make_node("Mul", ["ids", "weight"], [made]))
    shape = ["a", "b"]
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in inputs]
    out = [helper.make_tensor_value_info(one.output[0], 1, shape) for one in nodes[1:]]
    graph = helper.make_graph(nodes, "graph", given, out, [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def reader_of(folder: Path, network: bytes) -> Path:
    """A reader's folder with this network, which its own description calls right."""
    shutil.copytree(DEFAULT_READER, folder)
    (folder / MODEL).write_bytes(network)
    about = json.loads((folder / ABOUT).read_text())
    about["sha256"][MODEL] = sha256(network).hexdigest()
    (folder / ABOUT).write_text(json.dumps(about))
    return folder


@pytest.fixture
def unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime opens nothing, or the test fails."""

    def never(*_: object, **__: object) -> None:
        raise SystemError("the file was opened as a model")

    monkeypatch.setattr(onnxruntime, "InferenceSession", never)


SPOILT = {
    "cut short": lambda data: data[: len(data) // 2],
    "cut to nothing": lambda data: b"",
    "longer": lambda data: data + b"\0",
    "another model": lambda data: model(["input_ids"]).SerializeToString(),
}


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_file_that_is_not_the_pinned_one_is_never_opened(
    unopened: None, tmp_path: Path, name: str, spoilt: str
) -> None:
    folder = shutil.copytree(DEFAULT_READER, tmp_path / "reader")
    (folder / name).write_bytes(SPOILT[spoilt]((folder / name).read_bytes()))
    with pytest.raises(ReaderError, match=f"{name} is not the file that {ABOUT} names"):
        load_reader(folder, 1)


ELSEWHERE = ["weights.bin", "../weights.bin", "/etc/passwd", "a/../../weights.bin", "reader.json"]


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_a_reader_that_names_other_files_is_never_opened_though_its_checksum_is_right(
    unopened: None, tmp_path: Path, elsewhere: str
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"\0\0\0@")
    network = model(["input_ids"], elsewhere).SerializeToString()
    folder = reader_of(tmp_path / "reader", network)
    (folder / "weights.bin").write_bytes(b"\0\0\0@")
    with pytest.raises(ReaderError, match="names files besides its own"):
        load_reader(folder, 1)


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_an_embedder_that_names_other_files_is_never_opened(
    unopened: None, tmp_path: Path, elsewhere: str
) -> None:
    network = model(["input_ids"], elsewhere).SerializeToString()
    (tmp_path / "model.onnx").write_bytes(network)
    shutil.copy(DEFAULT_READER / TOKENIZER, tmp_path / "tokenizer.json")
    digests = [
        sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in ("model.onnx", "tokenizer.json")
    ]
    (tmp_path / "sha256").write_text("\n".join(digests))
    with pytest.raises(EmbedderError, match="can't be loaded") as raised:
        load_question_embedder(tmp_path, "any")
    assert "besides its own" in str(raised.value.__cause__)


def test_the_same_network_with_all_in_its_file_is_opened(tmp_path: Path) -> None:
    folder = reader_of(tmp_path / "reader", model(["input_ids"]).SerializeToString())
    assert isinstance(load_reader(folder, 1), Reader)


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.model
def test_a_pickled_reader_is_never_opened(tiny_embedder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_embedder, tmp_path / "model")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(ReaderError):
        reader_folder(str(folder), tmp_path / "cache")
    assert not (tmp_path / "sprung").exists()


def narrow() -> bytes:
    """A network that knows ten tokens, of a tokenizer's thirty thousand."""
    network = model(["input_ids"])
    table = helper.make_tensor("table", TensorProto.FLOAT, [10], [0.0] * 10)
    network.graph.initializer.append(table)
    network.graph.node[0].CopyFrom(helper.make_node("Gather", ["table", "input_ids"], ["ids"]))
    return network.SerializeToString()


@pytest.mark.parametrize(
    "network",
    [narrow(), model(["input_ids", "position_ids"]).SerializeToString()],
    ids=["few tokens", "an input that nobody gives"],
)
def test_a_model_and_a_tokenizer_that_do_not_fit_are_told_at_the_start(
    tmp_path: Path, network: bytes
) -> None:
    with pytest.raises(ReaderError, match="a model and a tokenizer that don't fit"):
        load_reader(reader_of(tmp_path / "reader", network), 1)


# F3

HOOK = """
import os, sys

def note(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        where = str(args[1] if event in ("socket.connect", "socket.sendto") else args[0])
        if "127.0.0.1" not in where and where[:1] != "/" and "CALLS" in os.environ:
            with open(os.environ["CALLS"], "a") as out:
                print(event, where, file=out)

sys.addaudithook(note)
"""
SESSION = """
import fcntl, http.client, json, socket, struct, subprocess, sys

with socket.socket() as any:  # loopback is down in a network of one's own
    fcntl.ioctl(any, 0x8914, struct.pack("16sh", b"lo", 1))
try:
    socket.create_connection(("192.0.2.1", 80), 1)
    sys.exit("there is a network")
except OSError:
    pass
library, articles = sys.argv[1:]
command = [sys.executable, "-c", "from qa.cli import main; main()"]

def citespan(*given):
    done = subprocess.run([*command, *given, "--data", library], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

citespan("index", articles)
told = json.loads(citespan("ask", "How heavy is the Pragyan rover?", "--json"))
serve = [*command, "serve", "--port", "0", "--data", library]
with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
    port = int(server.stdout.readline().split()[3].rsplit(":", 1)[1])
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    asking.request("GET", "/api/v1/ask?q=How+heavy+is+the+Pragyan+rover%3F")
    served = json.load(asking.getresponse())
    server.terminate()
assert server.returncode == 0
citespan("stats")
citespan("verify")
print(json.dumps([told["answers"][0]["text"], served["answers"][0]["text"]]))
"""


def contents(*folders: Path) -> dict[str, float]:
    """Every file in these folders, with when it was written; compiled modules are no news."""
    return {
        str(path): path.stat().st_mtime
        for folder in folders
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts and path.is_file()
    }


def test_a_whole_session_needs_no_network_and_writes_only_its_data(tmp_path: Path) -> None:
    apart = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("this system allows no network namespace")
    home, here, temporary, articles, hook = (
        tmp_path / name for name in ("home", "here", "temporary", "articles", "hook")
    )
    for folder in (home, here, temporary, articles, hook):
        folder.mkdir()
    for name in ("chandrayaan-3-landing.md", "croatia-joins-euro.md"):
        shutil.copy(ROOT / "seeds" / name, articles)
    (articles / "a.html").write_text("<html><body><p>The bridge was built in 1183.</p></body>")
    (hook / "sitecustomize.py").write_text(HOOK)
    own = contents(ROOT / "index", ROOT / "qa", ROOT / "web", ROOT / "seeds", articles)
    done = subprocess.run(
        [*apart, sys.executable, "-c", SESSION, str(tmp_path / "library"), str(articles)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "PYTHONPATH": os.pathsep.join([str(hook), str(ROOT)]),
            "CALLS": str(tmp_path / "calls"),
        },
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == ["26 kilograms", "26 kilograms"]
    calls = (tmp_path / "calls").read_text().splitlines()  # the two that the session tries itself
    assert calls == ["socket.getaddrinfo 192.0.2.1", "socket.connect ('192.0.2.1', 80)"]
    for folder in (home, here, temporary):
        assert sorted(folder.rglob("*")) == []
    assert own == contents(ROOT / "index", ROOT / "qa", ROOT / "web", ROOT / "seeds", articles)


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        (
            "from pathlib import Path; from qa.reader import *; load_reader(DEFAULT_READER, 1);"
            "import onnxruntime as one",
            "os.environ['ORT_DISABLE_TELEMETRY'] == '1'",
        ),
        (
            "from index import load_embedder; load_embedder();"
            "from huggingface_hub import constants as one",
            "one.HF_HUB_DISABLE_TELEMETRY is True",
        ),
    ],
    ids=["ONNX Runtime", "Hugging Face"],
)
def test_telemetry_is_off_where_a_library_has_some(code: str, asked: str) -> None:
    kept = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    told = subprocess.run(
        [sys.executable, "-c", f"import os; {code}; print({asked})"],
        env=kept | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "True\n"


# F4

SCORES = {
    "nan": lambda count: np.full(count, np.nan, np.float32),
    "inf": lambda count: np.full(count, np.inf, np.float32),
    "-inf": lambda count: np.full(count, -np.inf, np.float32),
    "largest": lambda count: np.full(count, np.finfo(np.float32).max, np.float32),
    "mixed": lambda count: np.resize(np.float32([np.nan, 1, np.inf, -3, -np.inf, 9]), count),
    "nan for nothing": lambda count: np.float32([np.nan, *range(count - 1)]),
}


@pytest.mark.model
@pytest.mark.parametrize("scores", SCORES)
def test_scores_that_are_no_numbers_make_no_answer_that_is_none(
    new_library: NewLibrary,
    article: MakeArticle,
    monkeypatch: pytest.MonkeyPatch,
    scores: str,
) -> None:
    text = "The Grebe ferry was built by Mary Fisher in 1911. It is red."
    qa = open_qa(new_library([article(text), article("x", name="two.txt")]))
    monkeypatch.setattr(Reader, "_run", lambda self, row: (SCORES[scores](len(row.ids)),) * 2)
    reply = qa.ask("Who built the Grebe ferry?", 10)
    json.dumps(reply_json(reply), allow_nan=False)
    for answer in reply.answers:
        assert 0 <= answer.confidence <= 1
        for cited in answer.citations:
            assert 0 <= cited.start < cited.end <= len(text)
    assert reply.answers or reply.reason


@pytest.mark.model
@pytest.mark.parametrize("value", [math.nan, 0.0])
def test_a_vector_that_points_nowhere_is_no_fault(
    new_library: NewLibrary,
    article: MakeArticle,
    monkeypatch: pytest.MonkeyPatch,
    value: float,
) -> None:
    qa = open_qa(new_library([article("The Grebe ferry was built by Mary Fisher in 1911.")]))
    monkeypatch.setattr(
        OnnxEmbedder, "encode", lambda self, texts: np.full((len(texts), 384), value, np.float32)
    )
    reply = qa.ask("Who built the Grebe ferry?", 3)
    json.dumps(reply_json(reply), allow_nan=False)
    assert [one.text for one in reply.answers] == ["Mary Fisher"]
