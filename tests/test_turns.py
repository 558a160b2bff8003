"""Turns: so many at once, so many waiting, and the next is told at once to come again."""

from contextlib import ExitStack
from threading import Event, Thread

import pytest
from werkzeug.exceptions import ServiceUnavailable

from web.turns import RETRY, Turns

PATIENCE = 30.0


def test_turns_are_free_again_when_they_end_even_badly():
    turns = Turns(1, 0, PATIENCE)
    for _ in range(3):
        with pytest.raises(ValueError, match="bad"), turns.take():
            assert turns.taken == 1
            raise ValueError("bad")
    assert (turns.taken, turns.waiting) == (0, 0)


def test_one_more_than_may_wait_is_refused_at_once():
    turns = Turns(2, 0, PATIENCE)
    with turns.take(), turns.take():
        with pytest.raises(ServiceUnavailable) as refused, turns.take():
            pass
        assert refused.value.retry_after == RETRY


def test_who_waits_gets_the_turn_that_ends():
    turns, waits, done = Turns(1, 1, PATIENCE), Event(), []

    def ask():
        waits.set()
        with turns.take():
            done.append(turns.taken)

    with ExitStack() as held:
        held.enter_context(turns.take())
        waiting = Thread(target=ask)
        waiting.start()
        while not turns.waiting:
            assert waits.wait(30)
        with pytest.raises(ServiceUnavailable), turns.take():
            pass
        assert done == []
    waiting.join(30)
    assert done == [1] and (turns.taken, turns.waiting) == (0, 0)


def test_nobody_waits_for_ever():
    turns = Turns(1, 1, 0.01)
    with turns.take(), pytest.raises(ServiceUnavailable), turns.take():
        pass
    assert (turns.taken, turns.waiting) == (0, 0)
