from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_pipeline.odoo.errors import DataError
from crm_pipeline.odoo.turns import Turns


class Server:
    """Time passes by the calls made, in seconds a record."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns = Turns(lambda: self.now)

    def spend(self, seconds: float, records: int) -> int:
        self.now += seconds * records
        return records

    def alone(self, seconds: float, records: int = 400) -> None:
        assert self.turns.take(records, lambda: self.spend(seconds, records)) == records

    def two(self, seconds: float, records: int = 400) -> None:
        assert self.turns.take(records, lambda: self.turns.take(records, lambda: self.spend(seconds, records))) == records

    def compare(self, alone: float, in_company: float) -> None:
        for _ in range(3):
            self.alone(alone)
        for _ in range(2):
            self.two(in_company)


def at_once(turns: Turns, lanes: int) -> int:
    """How many calls may be under way."""
    running, most, changed = 0, 0, threading.Condition()

    def call() -> None:
        nonlocal running, most
        with changed:
            running += 1
            most = max(most, running)
            changed.notify_all()
            changed.wait_for(lambda: most == lanes, timeout=0.2)
            running -= 1

    with ThreadPoolExecutor(lanes) as pool:
        for future in [pool.submit(turns.take, 1, call) for _ in range(lanes)]:
            future.result()
    return most


def test_calls_go_one_by_one_until_three_are_known_and_then_two_at_a_time() -> None:
    server = Server()
    for _ in range(2):
        server.alone(0.001)
    assert at_once(server.turns, 3) == 1
    server.alone(0.001)
    assert at_once(server.turns, 3) == 2


@pytest.mark.parametrize(("in_company", "expected"), [(0.0010, 3), (0.0017, 3), (0.0019, 1), (0.0027, 1)])
def test_several_calls_go_at_once_where_that_is_quicker_than_one_after_the_other(in_company: float, expected: int) -> None:
    server = Server()
    server.compare(0.001, in_company)
    assert at_once(server.turns, 3) == expected


def test_the_quickest_call_of_each_kind_counts() -> None:
    server = Server()
    for seconds in (0.005, 0.001, 0.003):
        server.alone(seconds)
    for seconds in (0.0015, 0.009):
        server.two(seconds)
    assert at_once(server.turns, 3) == 3


def test_a_call_that_creates_nothing_or_is_refused_tells_nothing_and_makes_room() -> None:
    server = Server()

    def refused() -> int:
        raise DataError("no", call="create")

    for _ in range(3):
        with pytest.raises(DataError):
            server.turns.take(400, refused)
        assert server.turns.take(400, lambda: None) is None
    server.compare(0.001, 0.0027)
    assert at_once(server.turns, 3) == 1


def test_after_a_while_it_is_tried_anew() -> None:
    server = Server()
    server.compare(0.001, 0.0027)
    for _ in range(100):
        server.alone(0.001)
    server.compare(0.001, 0.001)
    assert at_once(server.turns, 3) == 3
