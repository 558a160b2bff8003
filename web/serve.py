"""The server process: one listening socket, one worker with threads, a graceful end.

This file must not know any route. The application is made in the worker, after the fork,
because models and their threads do not survive one.
"""

import ctypes
import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.errors import AppImportError  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from index import LibraryError
from qa import QAError
from web import create_app
from web.log import Lines, write_lines
from web.settings import Settings, SettingsError, read_settings
from web.worker import Worker

Factory = Callable[[Settings], Flask]

_M_ARENA_MAX = -8  # of malloc.h
SPARE = 4  # threads that answer at once when every other holds or awaits a turn


class _Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Lines())


OPTIONS: dict[str, object] = {
    "worker_class": Worker,
    "logger_class": _Log,
    "workers": 1,
    "loglevel": "warning",
    "control_socket_disable": True,
    "timeout": 120,  # a first start may export a model
    "graceful_timeout": 30,
    "keepalive": 5,
    "sendfile": False,  # past the worker, into a socket that may not be ready
    "limit_request_line": 8190,  # 500 four-byte characters, percent-encoded, fit
    # Who stands in front is for the app to believe, and only if it is set so.
    "forwarded_allow_ips": "",
    "forwarder_headers": "",
    "secure_scheme_headers": {},
}


def run(
    data: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    library: str | None = None,
) -> None:
    """`serve` with the environment's settings, overridden by what was typed."""
    try:
        settings = read_settings(data, host, port, library)
    except SettingsError as error:
        sys.exit(str(error))
    serve(settings)


def serve(settings: Settings, factory: Factory = create_app) -> None:
    """Serve until SIGTERM or Ctrl+C; ends the process: 0 when stopped, else one sentence."""
    write_lines()
    logging.getLogger("gunicorn.error").addFilter(_not_said_already)
    _share_heaps()
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as error:
        sys.exit(
            f"{settings.host}:{settings.port} can't be listened on ({error.strerror}):"
            " choose another with --port or CITESPAN_PORT."
        )
    _Server(settings, factory, listener).run()


def _share_heaps() -> None:
    """Have all threads allocate from two heaps; glibc's one for each holds 30 MB more."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, settings: Settings, factory: Factory, listener: socket.socket) -> None:
        self.settings = settings
        self.factory = factory
        self.address = _address(settings.host, listener)
        # gunicorn closes the descriptor that it is given, so it gets one of its own
        self.descriptor = os.dup(listener.fileno())
        listener.close()
        super().__init__()

    def load_config(self) -> None:
        for name, value in OPTIONS.items():
            self.cfg.set(name, value)
        self.cfg.set("threads", self.settings.threads + self.settings.queue + SPARE)
        self.cfg.set("worker_connections", self.settings.connections)
        self.cfg.set("bind", f"fd://{self.descriptor}")
        self.cfg.set("post_worker_init", self._say_address)

    def load(self) -> Flask:
        try:
            return self.factory(self.settings)
        except (LibraryError, QAError) as error:
            raise AppImportError(str(error)) from error

    def _say_address(self, worker: Any) -> None:
        if worker.age == 1:  # not again when a worker is replaced
            print(f"Citespan answers on {self.address} (Ctrl+C stops it)", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family, backlog=512)


def _address(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _not_said_already(record: logging.LogRecord) -> bool:
    """False for what gunicorn adds to the one sentence on why the app could not load."""
    if record.msg == "Worker (pid:%s) exited with code %s.":
        return isinstance(record.args, tuple) and record.args[1] != Arbiter.APP_LOAD_ERROR
    return record.msg not in ("Shutting down: %s", "Reason: %s")
