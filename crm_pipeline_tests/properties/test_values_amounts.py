from __future__ import annotations

import decimal
import itertools
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline_tests.properties.value_macros import SYMBOLS, connect, differing, evaluate, trimmed

EXACT = decimal.Context(prec=200, rounding=decimal.ROUND_HALF_UP)
CODES = ("USD", "EUR", "INR", "CHF", "JPY")


@pytest.fixture(scope="module")
def db() -> duckdb.DuckDBPyConnection:
    return connect()


# ── the reference: a small hand-written reader, no regular expressions in common with the macros ──


def tokens(text: str) -> list[str] | None:
    """Currency 'C', signs, parentheses and numbers of an amount; None where other text is in it."""
    found: list[str] = []
    place = 0
    currencies = sorted([*SYMBOLS, *CODES], key=len, reverse=True)
    while place < len(text):
        rest = text[place:]
        if rest[0] == " ":
            place += 1
            continue
        match = next((c for c in currencies if rest.lower().startswith(c.lower())), None)
        if match is not None:
            found.append("C")
            place += len(match)
        elif rest[0] in "-+()":
            found.append(rest[0])
            place += 1
        elif rest[0] in "0123456789.,'":
            length = max(
                i + 1 for i, c in enumerate(itertools.takewhile(lambda c: c in "0123456789.,' ", rest)) if c != " "
            )
            found.append(rest[:length])
            place += length
        else:
            return None
    return found


def with_currency(*cores: str) -> set[str]:
    """Token sequences with a currency anywhere around the number or its sign, at most once on either side."""
    result = set()
    for core in cores:
        places = range(len(core) + 1)
        number = core.index("N")
        before = [None, *(p for p in places if p <= number)]
        after = [None, *(p for p in places if p > number)]
        for left, right in itertools.product(before, after):
            text = core if right is None else core[:right] + "C" + core[right:]
            result.add(text if left is None else text[:left] + "C" + text[left:])
    return result


SEQUENCES = with_currency("N", "-N", "+N", "N-", "(N)")


def read_number(text: str) -> Decimal | None:
    separators = [(i, c) for i, c in enumerate(text) if not c.isdigit()]
    if not separators:
        return Decimal(text)
    place, last = separators[-1]
    whole, tail = text[:place], text[place + 1 :]
    if not tail:
        return None
    kinds = {c for _, c in separators}
    if last in ".," and len(tail) <= 2:
        return joined(whole, tail) if not whole or whole.isdigit() or grouped(whole, but=last) else None
    if len(kinds) == 1 and grouped(text, but=""):
        return Decimal("".join(c for c in text if c.isdigit()))
    if last not in ".,":
        return None
    plain = whole.isdigit() and (whole == "0" or not whole.startswith("0"))
    if whole == "" or (plain and (whole == "0" or len(whole) > 3 or len(tail) > 3)) or grouped(whole, but=last):
        return joined(whole, tail)
    return None


def joined(whole: str, tail: str) -> Decimal:
    return Decimal("".join(c for c in whole if c.isdigit()) + "." + tail)


def grouped(text: str, *, but: str) -> bool:
    marks = {c for c in text if not c.isdigit()}
    if len(marks) != 1 or marks == {but}:
        return False
    mark = marks.pop()
    first, *middle, last = text.split(mark)
    if not first or first.startswith("0") or len(last) != 3:
        return False
    western = len(first) <= 3 and all(len(group) == 3 for group in middle)
    indian = mark == "," and len(first) <= 2 and bool(middle) and all(len(group) == 2 for group in middle)
    return western or indian


def read_amount(text: str | None, *, quantity: bool = False) -> Decimal | None:
    text = trimmed(text)
    if text is None:
        return None
    for space in "\xa0\u2009\u202f\u2007":
        text = text.replace(space, " ")
    for apostrophe in "’ʼ´`":
        text = text.replace(apostrophe, "'")
    parts = tokens(text.replace("−", "-"))
    if parts is None:
        return None
    numbers = [part for part in parts if part[0] in "0123456789.,'"]
    sequence = "".join("N" if part in numbers else part for part in parts)
    if len(numbers) != 1 or sequence not in SEQUENCES or ("C" in sequence and quantity):
        return None
    value = read_number(numbers[0])
    if quantity and set(numbers[0]) <= set("0123456789.") and numbers[0].count(".") == 1 and numbers[0] != ".":
        ends = numbers[0].endswith(".") and sequence not in ("N", "-N", "+N")
        value = None if ends else Decimal(numbers[0])
    if value is None or value >= Decimal(10) ** 18:
        return None
    value = EXACT.quantize(value, Decimal("0.000001"))
    return -value if "-" in sequence or "(" in sequence else value


# ── properties ──

amount_texts = st.text(st.sampled_from("0123456789.,' ()-+$€"), max_size=14)
near_amounts = st.builds(
    lambda before, number, after: before + number + after,
    st.sampled_from(
        ["", "-", "(", "$", "€ ", "USD ", "- $", "$-", "($", "Rs.", "rs ", "A$", "US$ ", "\xa0", "+", "−", "chf", "X"]
    ),
    st.text(st.sampled_from("0123456789012345678901234567890123456789.,,. '\xa0"), min_size=1, max_size=12),
    st.sampled_from(["", "-", ")", " €", "$", " USD", " inr", "$)", " -", "%", " £-", "e5"]),
)


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(amount_texts | near_amounts, min_size=20, max_size=60))
def test_money_is_read_as_the_reference_reads_it(db: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    assert differing(texts, evaluate(db, "parse_money(s)", texts), map(read_amount, texts)) == []


STYLES = {
    "plain": ("", "."),
    "western": (",", "."),
    "european": (".", ","),
    "french": ("\u202f", ","),
    "swiss": ("’", "."),
    "space": (" ", "."),
}


@st.composite
def written_amounts(draw: st.DrawFn) -> tuple[str, Decimal]:
    """An amount of two decimals as some country writes it, with sign and currency, and its value."""
    cents = draw(st.integers(0, 10**14))
    mark, point = STYLES[draw(st.sampled_from(sorted(STYLES)))]
    whole = f"{cents // 100:,}".replace(",", mark)
    text = f"{whole}{point}{cents % 100:02d}"
    symbol = draw(st.sampled_from([*SYMBOLS, *CODES]))
    text = draw(st.sampled_from([text, f"{symbol}{text}", f"{symbol} {text}", f"{text} {symbol}", f"{text}{symbol}"]))
    negative = draw(st.booleans())
    text = draw(st.sampled_from([f"-{text}", f"({text})", f"−{text}", f"{text}-"])) if negative else text
    value = Decimal(cents) / 100
    return f"  {text}\xa0", -value if negative else value


@settings(deadline=None, max_examples=60)
@given(amounts=st.lists(written_amounts(), min_size=20, max_size=60))
def test_amounts_survive_being_written(db: duckdb.DuckDBPyConnection, amounts: list[tuple[str, Decimal]]) -> None:
    read = evaluate(db, "parse_money(s)", [text for text, _ in amounts])
    assert differing([text for text, _ in amounts], read, [value for _, value in amounts]) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.50", "1234.50"), ("1.234,50", "1234.50"), ("$ 1,234.50", "1234.50"), ("USD 1,234.50", "1234.50"),
        ("(12.00)", "-12"), ("1,23,456.00", "123456"), ("12,34,567", "1234567"), ("1234.505", "1234.505"),
        ("1,234", "1234"), ("1.234", "1234"), ("0,125", "0.125"), ("1,234.505", "1234.505"), ("₹1,20,000", "120000"),
        ("1'234.50", "1234.50"), ("1 234,5", "1234.5"), ("-$5", "-5"), ("$-5", "-5"), ("5 €-", "-5"), (".505", "0.505"),
        ("999999999999999999.999999", "999999999999999999.999999"), ("1.0000005", "1.000001"),
        ("1,23,45", None), ("1.234.56", None), ("12 34", None), ("1e5", None), ("(5)-", None), ("-(5)", None),
        ("--5", None), ("5.", None), ("$", None), ("", None), (" ", None), ("n/a", None), ("USDX 5", None),
        ("1000000000000000000", None), ("١٢٣", None), ("1,234 567", None),
    ],
)  # fmt: skip
def test_money_examples(db: duckdb.DuckDBPyConnection, text: str, value: str | None) -> None:
    expected = None if value is None else Decimal(value)
    assert evaluate(db, "parse_money(s)", [text]) == [expected]
    assert read_amount(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("$5", "USD"), ("US$ 5", "USD"), ("A$5", "AUD"), ("5 €", "EUR"), ("USD 5", "USD"), ("5 chf", "CHF"), ("Rs.5", "INR"),
        ("$5 CAD", "CAD"), ("(£5)", "GBP"), ("5", None), ("1,234.50", None), ("", None), ("abc", None), ("5 XXZ", None),
    ],
)  # fmt: skip
def test_currency_of_a_cell(db: duckdb.DuckDBPyConnection, text: str, code: str | None) -> None:
    assert evaluate(db, "money_currency(s)", [text]) == [code]


def read_quantity(text: str | None) -> Decimal | None:
    return read_amount(text, quantity=True)


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(amount_texts | near_amounts, min_size=20, max_size=60))
def test_quantities_are_read_as_the_reference_reads_them(db: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    read = evaluate(db, "parse_dec(s)", texts)
    assert differing(texts, read, map(read_quantity, texts)) == []
    whole = evaluate(db, "parse_int(s)", texts)
    expected = [int(v) if v is not None and v == v.to_integral_value() else None for v in read]
    assert differing(texts, whole, expected) == []


@settings(deadline=None, max_examples=15)
@given(numbers=st.lists(st.decimals(-9999, 9999, places=4), min_size=10, max_size=60))
def test_percentages_are_the_number_as_written(db: duckdb.DuckDBPyConnection, numbers: list[Decimal]) -> None:
    for form in ("{}", "{}%", "{} %", " {}\xa0% ", "%{}", "% {}"):
        assert evaluate(db, "parse_pct(s)", [form.format(f"{n:f}") for n in numbers]) == numbers


@pytest.mark.parametrize("text", ["", "%", "abc", "12%%", "5 % off", "100000", "%5%"])
def test_what_is_no_percentage(db: duckdb.DuckDBPyConnection, text: str) -> None:
    assert evaluate(db, "parse_pct(s)", [text]) == [None]
