"""What is read out of a document number, and the SQL function."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.odoo.numbering import Reading, number_fits, read_number, register_numbering

DAY = date(2020, 3, 4)


@pytest.mark.parametrize(
    ("number", "reading"),
    [
        ("LF-0001", Reading()), ("20190001", Reading()), ("2019", Reading()), ("123456789012", Reading()), ("", Reading()),
        ("2019-0005", Reading(2019)), ("L-19-4", Reading(19)), ("INV-12-2019-1", Reading(2019)), ("20a", Reading(20)),
        ("R/2020/03/2", Reading(2020, month=3)), ("202003/2", Reading(2020, month=3)), ("R/2020/13/2", Reading(13)),
        ("2019-2020/7", Reading(2019, 2020)), ("2019-20/7", Reading(2019, 20)), ("2020-2019/7", Reading(2019)),
        ("20-21/03/1", Reading(20, 21, 3)), ("00-5", Reading(0)),
    ],
)  # fmt: skip
def test_what_is_read(number: str, reading: Reading) -> None:
    assert read_number(number, range_with_month=True) == reading


def test_seventeen_knows_no_range_with_a_month() -> None:
    assert read_number("2019-2020/03/1", range_with_month=False) == Reading(2020, month=3)
    assert read_number("2019-2020/03/1", range_with_month=True) == Reading(2019, 2020, 3)
    assert not number_fits("2019-2020/03/1", DAY)


@pytest.mark.parametrize("number", ["", "/", "2020/1\n", "2019-1", "R/2020/04/1", "2019-2020/1", "2020-2021/1"])
def test_what_does_not_fit(number: str) -> None:
    assert not number_fits(number, DAY)


@pytest.mark.parametrize("number", ["LF-1", "2020/1", "20-1", "R/2020/03/1", "202003-7", "00-1", "L 2020 x"])
def test_what_fits(number: str) -> None:
    assert number_fits(number, DAY)


@given(st.text(alphabet="0123456789/-A ٣", max_size=20), st.dates(date(1971, 1, 1), date(2199, 12, 31)))
def test_every_number_can_be_read(number: str, day: date) -> None:
    number_fits(number, day)


def test_in_sql() -> None:
    connection = duckdb.connect()
    for _ in range(2):  # again on the same connection
        register_numbering(connection)
    rows = connection.execute(
        "SELECT number_fits(n, d) FROM (VALUES ('LF-1', DATE '2020-03-04'), ('2019-1', DATE '2020-03-04'),"
        " (NULL, DATE '2020-03-04'), ('LF-1', NULL)) t(n, d)"
    ).fetchall()
    assert rows == [(True,), (False,), (None,), (None,)]
    many = connection.execute(
        "SELECT count(*) FILTER (WHERE number_fits('2020/' || i, DATE '2020-01-01' + (i % 400)::INT)) FROM range(5000) t(i)"
    ).fetchall()
    assert many == [(sum(1 for i in range(5000) if i % 400 < 366),)]
