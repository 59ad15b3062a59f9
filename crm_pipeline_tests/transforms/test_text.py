"""Text transforms: escaping, sanitising, countries, domains, names."""

from __future__ import annotations

from urllib.parse import unquote

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.odoo.normal import html_text
from crm_pipeline.transforms.domains import email_domain, registrable_domain, website_domain
from crm_pipeline.transforms.names import company_name_key
from crm_pipeline.transforms.text import country_code, register_text, sanitize_html


@pytest.fixture(scope="module")
def sql() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    register_text(connection)
    return connection


@pytest.mark.parametrize(
    "dangerous",
    ["<script>alert(1)</script>hi", '<p onclick="x()">hi</p>', '<a href="javascript:x()">hi</a>', "<iframe src=//x></iframe>hi",
     "<style>p{}</style>hi", "<svg/onload=x()>hi", '<img src=x onerror="x()">hi', "<p style='position:fixed'>hi</p>"],
)  # fmt: skip
def test_html_is_made_harmless_and_keeps_its_text(dangerous: str) -> None:
    clean = sanitize_html(dangerous)
    assert "hi" in clean
    for bad in ("script", "onclick", "onload", "onerror", "javascript", "iframe", "style", "svg"):
        assert bad not in clean


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_plain_text_survives_as_it_is(text: str) -> None:
    if "<" not in text and "&" not in text:
        assert html_text(sanitize_html(text)) == " ".join(text.split())


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_escaped_text_reads_as_the_text(text: str) -> None:
    connection = duckdb.connect()
    register_text(connection)
    found = connection.execute("SELECT text_to_html(?)", [text]).fetchall()[0][0]
    assert html_text(found) == " ".join(text.split())


def test_line_breaks_are_kept(sql: duckdb.DuckDBPyConnection) -> None:
    assert sql.execute("SELECT text_to_html(?)", ["a\r\nb\nc"]).fetchall() == [("<p>a<br>b<br>c</p>",)]


@given(st.text(min_size=1))
def test_external_names_carry_no_blank_or_comma_and_lose_nothing(text: str) -> None:
    connection = duckdb.connect()
    register_text(connection)
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        return
    name = connection.execute("SELECT external_name(?)", [text]).fetchall()[0][0]
    assert not set(name) & set(" ,\t\r\n")
    assert unquote(name) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [("India", "IN"), ("in", "IN"), ("U.S.A.", "US"), ("UK", "GB"), ("Deutschland", "DE"), ("Côte d’Ivoire", "CI"), ("Atlantis", None), ("XX", None)],
)
def test_countries_by_name_or_code(text: str, code: str | None) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("host", "domain"),
    [("www.acme.co.uk", "acme.co.uk"), ("acme.com.au", "acme.com.au"), ("co.uk", None), ("10.0.0.1", None), ("localhost", None),
     ("münchen.de", "xn--mnchen-3ya.de"), ("a..b", None)],
)  # fmt: skip
def test_registrable_domains(host: str, domain: str | None) -> None:
    assert registrable_domain(host) == domain


def test_domains_that_belong_to_nobody() -> None:
    assert website_domain("linkedin.com") is None
    assert email_domain("gmail.com") is None
    assert website_domain("gmail.com") is None
    assert email_domain("acme.com") == "acme.com"


@pytest.mark.parametrize(
    ("name", "key"),
    [("Acmé, Pvt. Ltd.", "acme"), ("ACME Private Limited", "acme"), ("Smith & Co.", "smith"), ("Ltd", "ltd"), ("S.A. Foo S.A.", "sa foo"),
     ("GTX Pro", "gtx pro"), ("GTXPro", "gtxpro"), ("***", None)],
)  # fmt: skip
def test_company_names(name: str, key: str | None) -> None:
    assert company_name_key(name) == key
