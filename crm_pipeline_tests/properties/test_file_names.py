from __future__ import annotations

import unicodedata

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crm_pipeline.transforms.files import register_files, safe_file_name

FORBIDDEN = set('<>:"|?*/\\')
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))}

pieces = st.sampled_from(
    [
        "..",
        ".",
        "/",
        "\\",
        " ",
        "CON",
        "nul",
        "com1",
        ".pdf",
        ".tar.gz",
        "é",
        "e\u0301",
        "会",
        "👩\u200d💻",
        "\u202e",
        "\x00",
        "\n",
        "<",
        ":",
        "a",
        "\u0338",
        "\u00a0",
    ]
)
names = st.text() | st.lists(pieces, max_size=8).map("".join)


@settings(deadline=None)
@given(names)
@example("e\x00\u0301")
@example("<\u0338a.txt")
@example("con\u202e.txt")
@example("a. /. .b")
def test_a_safe_name_is_safe_and_stays_as_it_is(name: str) -> None:
    safe = safe_file_name(name)
    assert safe_file_name(safe) == safe
    assert safe
    assert not set(safe) & (FORBIDDEN | BIDI)
    assert not [c for c in safe if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
    assert safe == unicodedata.normalize("NFC", safe)
    assert safe.strip(". \u00a0\t") == safe
    assert safe.split(".")[0].strip().upper() not in DEVICES


@settings(deadline=None)
@given(
    st.text(st.sampled_from("abcXYZ019 -_()äßñé会議録अप👍🏽"), min_size=1, max_size=400),
    st.sampled_from(["pdf", "tar.gz", "Docx"]),
)
def test_readable_names_are_kept_whole(stem: str, ending: str) -> None:
    name = f"x{stem}x.{ending}"
    assert safe_file_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"), (r"C:\Users\me\Offer.pdf", "Offer.pdf"), ("attachments/a.pdf", "a.pdf"), ("", "file"),
        (" . ", "file"), ("..", "file"), ("dir/", "file"), ("a\nb\x00.txt", "ab.txt"), ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ('a<b>c:d"e|f?g*.txt', "a_b_c_d_e_f_g_.txt"), (" .a.txt. ", "a.txt"), ("CON", "_CON"), ("nul.txt", "_nul.txt"),
        ("Com1 .tar.gz", "_Com1 .tar.gz"), ("console.txt", "console.txt"), ("Gro\u0308ße.txt", "Größe.txt"), ("会议纪要.txt", "会议纪要.txt"),
        ("👩\u200d💻.png", "👩\u200d💻.png"), ("a" * 300 + ".pdf", "a" * 300 + ".pdf"),
    ],
)  # fmt: skip
def test_names_made_safe(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


def test_sql_can_call_it() -> None:
    connection = duckdb.connect()
    register_files(connection)
    sql = "SELECT safe_file_name(n) FROM (VALUES (1, '../a?.txt'), (2, NULL), (3, '')) AS t(i, n) ORDER BY i"
    assert connection.execute(sql).fetchall() == [("a_.txt",), (None,), ("file",)]
