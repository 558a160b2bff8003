"""How the parts may lean on each other, read from the source itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("index", "qa", "web")  # each may use those before it
FILES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
HEAVY = ("torch", "sentence_transformers", "transformers", "onnxruntime", "sklearn", "matplotlib")


def imported(tree):
    """Full names of the modules that are imported anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their package"
            yield node.module


def importers(package):
    """The files that import a third party's package or any part of it."""
    return {
        file
        for file, tree in FILES.items()
        if any(name.partition(".")[0] == package for name in imported(tree))
    }


def attributes(tree):
    """Every dotted name that is used in a file, such as "os.environ.setdefault"."""
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("file", FILES)
def test_imports_point_down_and_pass_the_front_door(file):
    package = file.split("/")[0]
    below = PACKAGES[: PACKAGES.index(package)]
    for name in imported(FILES[file]):
        top = name.partition(".")[0]
        if top in PACKAGES and top != package:
            assert top in below, f"{file} reaches up to {name}"
            assert name == top, f"{file} passes the front door of {top}: {name}"


@pytest.mark.parametrize("part", ["sources", "fetch", "watch", "contract"])
def test_the_files_of_a_part_are_known_only_behind_its_door(part):
    for file, tree in FILES.items():
        if not file.startswith(f"index/{part}/"):
            assert not any(name.startswith(f"index.{part}.") for name in imported(tree)), file


def test_sources_fetch_nothing_and_the_visitor_reads_nothing():
    for part, others in (("sources", {"fetch", "watch"}), ("fetch", {"sources", "watch"})):
        for file, tree in FILES.items():
            if file.startswith(f"index/{part}/"):
                assert (
                    not {name.split(".")[1] for name in imported(tree) if "index." in name} & others
                )


def test_foreign_bytes_are_parsed_by_the_child_alone():
    parsers = {"index.sources.html", "index.sources.pdf", "index.sources.listing"}
    reaching = {file for file, tree in FILES.items() if parsers & set(imported(tree))}
    assert reaching == {"index/sources/child.py"}


def test_every_front_door_shows_just_what_it_lists():
    for package in PACKAGES:
        tree = FILES[f"{package}/__init__.py"]
        (listed,) = (
            ast.literal_eval(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        )
        assert len(listed) == len(set(listed))
        used = {
            alias.name
            for file, other in FILES.items()
            if not file.startswith(f"{package}/")
            for node in ast.walk(other)
            if isinstance(node, ast.ImportFrom) and node.module == package
            for alias in node.names
        }
        assert used <= set(listed), package


def test_own_code_is_imported_at_the_top_of_a_file():
    for file, tree in FILES.items():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = {name.partition(".")[0] for name in imported(function)}
                assert not inside & set(PACKAGES), f"{file}: {function.name}"


def test_only_the_command_reaches_up_by_name():
    reaching = {
        (file, ast.unparse(node))
        for file, tree in FILES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("import_module", "__import__"))
    }
    assert reaching == {("qa/cli.py", "import_module('web.serve')")}


@pytest.mark.parametrize(
    ("package", "only"),
    [
        ("apsw", {"index/database.py"}),
        ("sqlite3", set()),
        ("faiss", {"index/vectors.py"}),
        ("tantivy", {"index/terms.py"}),
        ("pymilvus", {"index/milvus.py"}),
        ("onnxruntime", {"index/onnx.py", "qa/training/export.py"}),
        ("onnx", {"index/onnx.py", "qa/training/network.py"}),
        ("safetensors", {"qa/training/train.py"}),
        ("sklearn", {"qa/training/calibrate.py"}),
        ("sentence_transformers", {"index/embed.py"}),
        ("trafilatura", {"index/sources/html.py"}),
        ("pypdfium2", {"index/sources/pdf.py"}),
        ("matplotlib", {"qa/plots.py"}),
        ("feedparser", {"index/sources/listing.py"}),
        ("lxml", {"index/sources/figures.py", "index/sources/listing.py"}),
        ("urllib3", {"index/fetch/client.py"}),
        ("protego", {"index/fetch/polite.py"}),
        ("tomllib", {"index/watch/feeds.py"}),
        (
            "click",
            {f"qa/{name}.py" for name in ("cli", "keeping", "options", "printing", "watching")}
            | {"qa/training/commands.py"},
        ),
        ("pydantic_settings", {"web/settings.py"}),
        ("gunicorn", {"web/serve.py", "web/worker.py"}),
        ("flask_limiter", {"web/limits.py"}),
        ("prometheus_client", {"web/metrics.py"}),
    ],
)
def test_each_engine_has_one_file_that_knows_it(package, only):
    assert importers(package) == only


def test_a_model_is_run_in_one_file_and_made_small_in_another():
    names = {
        file: {name for name in imported(FILES[file]) if name.startswith("onnxruntime")}
        for file in importers("onnxruntime")
    }
    assert names == {
        "index/onnx.py": {"onnxruntime"},
        "qa/training/export.py": {"onnxruntime.quantization"},
    }


def test_training_is_known_only_to_the_command():
    reaching = {
        (file, name)
        for file, tree in FILES.items()
        if not file.startswith("qa/training/")
        for name in imported(tree)
        if name.startswith("qa.training")
    }
    assert reaching == {("qa/cli.py", "qa.training.commands")}


def test_answering_needs_torch_in_no_file_of_its_own():
    files = {file for file in importers("torch") if not file.startswith("qa/training/")}
    assert files == {"index/embed.py", "index/onnx.py"}  # many texts, and the export


def test_only_the_service_knows_http():
    assert all(file.startswith("web/") for file in importers("flask") | importers("werkzeug"))


def test_the_environment_is_read_in_one_place_a_layer():
    # Five switches of third parties are set before they load; the command's options name theirs.
    touching = {
        (file, ast.unparse(node))
        for file, tree in FILES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).startswith(("os.environ", "os.getenv", "os.putenv"))
    }
    assert touching == {
        ("index/embed.py", "os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')"),
        ("index/embed.py", "os.environ.setdefault('TORCHINDUCTOR_CACHE_DIR', gettempdir())"),
        ("index/telemetry.py", "os.environ.setdefault('HF_HUB_DISABLE_TELEMETRY', '1')"),
        ("index/telemetry.py", "os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')"),
        ("qa/plots.py", "os.environ.setdefault('MPLCONFIGDIR', cache)"),
    }
    holding = {file for file, tree in FILES.items() if "os.environ" in attributes(tree)}
    assert holding == {file for file, _ in touching}
    naming = {
        file
        for file, tree in FILES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg in ("envvar", "env_prefix")
    }
    assert naming == {"qa/options.py", "web/settings.py"}


def test_nothing_is_ever_unpickled():
    for file, tree in FILES.items():
        tops = {name.partition(".")[0] for name in imported(tree)}
        unsafe = {"pickle", "joblib", "shelve", "marshal", "dill", "cloudpickle"}
        assert not tops & (unsafe | {"multiprocessing"}), file
        assert not attributes(tree) & {"torch.load", "np.load", "numpy.load"}, file
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.keyword) and node.arg == "allow_pickle"), file


@pytest.mark.parametrize("package", [*PACKAGES, "qa.cli"])
def test_importing_a_package_loads_nothing_slow(package):
    code = f"import sys, {package}; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
