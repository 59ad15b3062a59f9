from __future__ import annotations

import string
import unicodedata

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crm_pipeline_tests.properties.value_macros import ZERO_WIDTH, connect, differing, evaluate, trimmed

BLANKS = " \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u2003\u2028\u202f\u205f\u3000" + ZERO_WIDTH
#: Letters whose case folding is one letter, of several scripts, and the three that are special.
LETTERS = "aAbZzéÉèñÑüÜøØåÅłŁšŠçÇžαΑωΩσΣдДяЯіІअप中文あßẞς'&-."

cells = st.text(st.sampled_from(LETTERS + BLANKS + "012\u200d\u0301"), max_size=12)


@pytest.fixture(scope="module")
def db() -> duckdb.DuckDBPyConnection:
    return connect()


@settings(deadline=None, max_examples=40)
@given(texts=st.lists(st.none() | cells | st.text(max_size=8), min_size=20, max_size=80))
def test_blank_trims_every_kind_of_blank(db: duckdb.DuckDBPyConnection, texts: list[str | None]) -> None:
    expected = [trimmed(text) for text in texts]
    assert differing(texts, evaluate(db, "blank(s)", texts), expected) == []
    assert differing(texts, evaluate(db, "parse_str(s)", texts), expected) == []
    assert differing(texts, evaluate(db, "parse_key(s)", texts), expected) == []
    lines = [text and text.replace("\r\n", "\n").replace("\r", "\n") for text in expected]
    assert differing(texts, evaluate(db, "parse_text(s)", texts), lines) == []


def folded(text: str | None) -> str | None:
    cell = trimmed(text)
    if cell is None:
        return None
    words = "".join(" " if c.isspace() or c in ZERO_WIDTH else c for c in cell).split()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", " ".join(words)).casefold())


@settings(deadline=None, max_examples=40)
@given(texts=st.lists(cells, min_size=20, max_size=80))
def test_fold_is_unicodes_case_folding_with_blanks_collapsed(db: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    once = evaluate(db, "fold(s)", texts)
    assert differing(texts, once, map(folded, texts)) == []
    assert differing(once, evaluate(db, "fold(s)", once), once) == []
    upper = [unicodedata.normalize("NFD", text.upper()) for text in texts]
    assert differing(upper, evaluate(db, "fold(s)", upper), once) == []


def test_fold_keeps_accents(db: duckdb.DuckDBPyConnection) -> None:
    assert evaluate(db, "fold(s)", ["Müller", "Muller", "JOSÉ", "jose\u0301", "Straße", "STRASSE"]) == [
        "müller", "muller", "josé", "josé", "strasse", "strasse",
    ]  # fmt: skip


atoms = st.text(st.sampled_from(string.ascii_letters + string.digits + "_-+'&"), min_size=1, max_size=10)
labels = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,8}[A-Za-z0-9])?", fullmatch=True)
addresses = st.builds(
    lambda local, domain, end: f"{'.'.join(local)}@{'.'.join(domain)}.{end}",
    st.lists(atoms, min_size=1, max_size=3),
    st.lists(labels | st.sampled_from(["bücher", "пример"]), min_size=1, max_size=3),
    st.sampled_from(["com", "co.uk", "IN", "museum", "xn--p1ai", "рф"]),
)


@settings(deadline=None, max_examples=10)
@given(mails=st.lists(addresses, min_size=10, max_size=25))
def test_addresses_are_read_in_every_dress(db: duckdb.DuckDBPyConnection, mails: list[str]) -> None:
    expected = [mail.lower() for mail in mails]
    dresses = (
        "{}",
        "  {}\xa0",
        "mailto:{}",
        "MAILTO:{}?subject=Hi",
        "<{}>",
        "Ann Lee <{}>",
        '"Lee, Ann" < {} >',
        "<mailto:{}>",
    )
    for dress in dresses:
        assert differing(mails, evaluate(db, "parse_email(s)", [dress.format(mail) for mail in mails]), expected) == []


@settings(deadline=None, max_examples=40)
@given(texts=st.lists(st.text(st.sampled_from("ab.@-_ <>é,;\n"), max_size=14), min_size=20, max_size=80))
def test_nothing_but_one_address_is_read_as_one(db: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    for text, mail in zip(texts, evaluate(db, "parse_email(s)", texts), strict=True):
        if mail is not None:
            local, _, domain = mail.partition("@")
            assert text.count("@") == 1, text
            assert all(local.split(".")), text
            assert "." in domain, text
            assert all(domain.split(".")), text
            assert mail in unicodedata.normalize("NFC", text).lower(), text
            assert not set(mail) & set(" <>,;\n"), text


@pytest.mark.parametrize(
    "text",
    ["a@b", "@b.com", "a@", "a b@c.de", "a@b..de", "a.@b.de", ".a@b.de", "a@b.de; c@d.de", "a@-b.de", "a@b-.de", "a@b.d", "a@1.2",
     "none", "a@b@c.de", "a@b.de>", "x <a@b.de> y", "a" * 321 + "@b.de"],
)  # fmt: skip
def test_what_is_no_address(db: duckdb.DuckDBPyConnection, text: str) -> None:
    assert evaluate(db, "parse_email(s)", [text]) == [None]


@settings(deadline=None, max_examples=40)
@given(
    sites=st.lists(
        st.builds(
            lambda scheme, host, port, rest: f"{scheme}{'.'.join(host)}.com{port}{rest}",
            st.sampled_from(["http://", "https://", "HTTPS://", "", "http://user:pw@"]),
            st.lists(labels | st.sampled_from(["www", "bücher", "पुणे"]), min_size=1, max_size=3),
            st.sampled_from(["", ":8080"]),
            st.sampled_from(["", "/", "/a/b?c=d&e=%20#f", "?q=1", "/ü", "#x"]),
        ),
        min_size=10,
        max_size=40,
    )
)
def test_web_addresses_come_through_unchanged(db: duckdb.DuckDBPyConnection, sites: list[str]) -> None:
    assert differing(sites, evaluate(db, "parse_url(s)", [f" {site}\n" for site in sites]), sites) == []


@pytest.mark.parametrize(
    "text",
    ["n/a", "none", "http://", "http:/a.com", "ftp://a.com", "javascript:alert(1)", "a.com b.com", "ann@acme.com", "http://a b.com",
     "http://localhost", "www", "http://.com", "http://a..com", "256.1.1.1", "//a.com", "http://-a.com"],
)  # fmt: skip
def test_what_is_no_web_address(db: duckdb.DuckDBPyConnection, text: str) -> None:
    assert evaluate(db, "parse_url(s)", [text]) == [None]


def test_yes_and_no_in_their_spellings(db: duckdb.DuckDBPyConnection) -> None:
    yes = ["Yes", " YES", "true", "TRUE", "1", "y", "T", "x", "X", "on", "✓", "✔"]
    no = ["No", "no ", "false", "0", "N", "f", "Off"]
    neither = ["", " ", "2", "maybe", "yess", "-", "ja", "null"]
    assert evaluate(db, "parse_bool(s)", yes + no + neither) == [True] * 12 + [False] * 7 + [None] * 8


def parts_of(text: str, mark: str) -> list[str] | None:
    found: dict[str | None, str] = {}
    for part in text.split(mark):
        cell = trimmed(part)
        if cell is not None:
            found.setdefault(folded(cell), cell)
    return list(found.values()) or None


@settings(deadline=None, max_examples=40)
@given(
    texts=st.lists(st.text(st.sampled_from("aAbéÉ ;;|\xa0\u200b"), max_size=10), min_size=20, max_size=60),
    mark=st.sampled_from(";|"),
)
def test_lists_have_each_part_once_and_in_order(db: duckdb.DuckDBPyConnection, texts: list[str], mark: str) -> None:
    assert (
        differing(texts, evaluate(db, f"split_list(s, '{mark}')", texts), [parts_of(text, mark) for text in texts])
        == []
    )


@settings(deadline=None, max_examples=12)
@given(texts=st.lists(st.text(max_size=30), min_size=20, max_size=40))
def test_no_text_breaks_a_parser(db: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    assume(any(texts))
    for macro in ("email", "url", "money", "dec", "int", "pct", "bool", "date", "dt"):
        read = evaluate(db, f"parse_{macro}(s)", texts)
        assert all(value is None for text, value in zip(texts, read, strict=True) if trimmed(text) is None)
