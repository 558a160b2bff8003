"""A Milvus server that asks who comes, and a line to one that nobody can read."""

import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from milvus_apart import relay
from milvus_servers import lite, program, real_server

from index.build import build_articles
from index.errors import LibraryAway, LibraryError
from index.library import MODELS
from index.opened import open_library
from index.place import Remote, place_of

TOKEN = "root:Milvus"  # a new server's own


@pytest.fixture(autouse=True)
def client():
    pytest.importorskip("pymilvus", reason=".venv/bin/pip install -e '.[milvus]'")


class Sealed:
    """A listener whose connections speak TLS; what can't is hung up on."""

    def __init__(self, certificate):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._context.set_alpn_protocols(["h2"])
        self._inner = socket.create_server(("127.0.0.1", 0))
        self.port = self._inner.getsockname()[1]

    def accept(self):
        while True:
            one, peer = self._inner.accept()
            try:
                one.settimeout(5)
                sealed = self._context.wrap_socket(one, server_side=True)
                sealed.settimeout(None)
                return sealed, peer
            except (ssl.SSLError, TimeoutError, ConnectionError):
                one.close()

    def close(self):
        self._inner.close()


def certificate(path):
    """A certificate for this machine that nobody vouches for, and its key, in one file."""
    made = path.with_name("made")
    command = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run(
        ["openssl", *command.split(), "-addext", names, "-keyout", made, "-out", path],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + made.read_bytes())
    return path


def test_a_line_over_tls_is_one_whose_certificate_is_trusted(tmp_path):
    trusted = certificate(tmp_path / "trusted.pem")
    with lite(tmp_path / "server") as port:
        sealed = Sealed(trusted)
        inner = ("127.0.0.1", port)
        threading.Thread(
            target=relay, args=(sealed, lambda: socket.create_connection(inner)), daemon=True
        ).start()

        def stats(scheme, **environment):
            address = f"{scheme}://localhost:{sealed.port}/name"
            told = subprocess.run(
                [sys.executable, "-c", "from qa.cli import main; main()", "stats"],
                env={**os.environ, "CITESPAN_LIBRARY": address, **environment},
                check=False,
                capture_output=True,
                text=True,
            )
            assert (told.returncode, told.stdout) == (2, "")
            return told.stderr

        roots = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(trusted)}
        assert "there is no library milvus+tls://localhost" in stats("milvus+tls", **roots)
        assert "and that its certificate is trusted here\n" in stats("milvus+tls")
        assert "can't be reached: see that Milvus runs there\n" in stats("milvus", **roots)
        sealed.close()


def test_a_token_is_in_no_text(tmp_path):
    place = place_of(tmp_path, "milvus+tls://localhost:19530/name", TOKEN)
    assert place.token == TOKEN and place.tls
    assert "Milvus" not in f"{place!r} {place}"
    with pytest.raises(LibraryError) as error:
        place_of(tmp_path, "milvus://root:secret@localhost/name", TOKEN)
    assert "holds no password" in str(error.value) and "secret" not in str(error.value)


@pytest.mark.soak
@pytest.mark.model
def test_a_server_that_asks_who_comes_lets_in_whoever_has_its_token(
    tmp_path, tiny_models, tiny_embedder, article
):
    program("milvus-server")
    locked = "common.security.authorizationEnabled=true"
    (tmp_path / MODELS).symlink_to(tiny_models)
    with real_server(tmp_path / "server", locked, token=TOKEN) as server:

        def place(token):
            return Remote("127.0.0.1", server.port, "kept", tmp_path, token=token)

        build_articles([article("The ferry leaves at six.")], place(TOKEN), str(tiny_embedder))
        library = open_library(place(TOKEN))
        assert library.counts().articles == 1
        library.close()
        for token in (None, "root:wrong", "nobody"):
            with pytest.raises(LibraryAway, match=r"doesn't let this program in: set CITESPAN_MIL"):
                open_library(place(token))
