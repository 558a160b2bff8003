"""The Milvus server of PyPI in a network of its own, reached through a socket file.

It listens on all interfaces and its etcd has fixed ports, so it gets a network namespace, of
which only a file leads out:
`unshare -n python tests/milvus_apart.py SERVER DATA SOCKET [OPTION=VALUE...]`.
"""

import fcntl
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PORT = 19530
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING

Connect = Callable[[], socket.socket]


def relay(listener: socket.socket, connect: Connect) -> None:
    """Hand every connection of the listener on, until it is closed, in threads of their own."""
    while True:
        try:
            one, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_hand_on, args=(one, connect), daemon=True).start()


def _hand_on(one: socket.socket, connect: Connect) -> None:
    with one, suppress(OSError), connect() as other:
        back = threading.Thread(target=_pour, args=(other, one), daemon=True)
        back.start()
        _pour(one, other)
        back.join()


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def through_file(path: Path) -> socket.socket:
    """A connection to a socket file."""
    one = socket.socket(socket.AF_UNIX)
    try:
        one.connect(str(path))
    except OSError:
        one.close()
        raise
    return one


def main(server: str, data: str, file: str, *options: str) -> None:
    """Run the server until this process is told to end."""
    with socket.socket() as any_socket:
        wanted = struct.pack("16sh14s", b"lo", _UP_AND_RUNNING, bytes(14))
        fcntl.ioctl(any_socket, _SET_FLAGS, wanted)
    command = [server, "--data", data]
    Path(file).unlink(missing_ok=True)  # of one that was killed
    for option in ("common.session.ttl=3", "proxy.timeTickInterval=20", *options):  # to wait less
        command += ["--extra-config", option]
    running = subprocess.Popen(command, start_new_session=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(file)
    listener.listen()
    inner = ("127.0.0.1", PORT)
    threading.Thread(
        target=relay, args=(listener, lambda: socket.create_connection(inner)), daemon=True
    ).start()
    signal.signal(signal.SIGTERM, lambda *_: running.send_signal(signal.SIGINT))
    running.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
