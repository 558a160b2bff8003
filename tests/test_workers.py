"""Texts that are embedded in several processes."""

import os

import numpy as np
import pytest

from index.embed import load_embedder
from index.errors import EmbedderError
from index.workers import Workers

TEXTS = ["A mill.", "Who sold the mill of Birch?", "", "The walk begins at a well 😀."]


def test_several_processes_give_what_one_gives(tiny_embedder):
    workers = Workers(str(tiny_embedder), 3)
    try:
        for texts in (TEXTS, TEXTS[:1]):
            alone = load_embedder(str(tiny_embedder)).encode(texts)
            np.testing.assert_allclose(workers.encode(texts), alone, atol=0.02)
        groups = {os.getpgid(process.pid) for process in workers._processes}
        assert os.getpgid(0) not in groups  # an interrupt from the keyboard is not for them
        workers._processes[1].kill()
        with pytest.raises(EmbedderError, match=r"^a process that embeds has ended; nothing was"):
            workers.encode(TEXTS)
    finally:
        workers.close()
