"""When two company names mean one company: accents, punctuation and trailing legal forms do not count (R-2)."""

from __future__ import annotations

import re
import unicodedata

import duckdb

from crm_pipeline.transforms.text import register_vectorised

#: Legal forms as they are written at the end of names; compared after punctuation is gone.
_LEGAL_FORMS = frozenset(
    ["ltd", "limited", "llc", "llp", "lp", "plc", "inc", "incorporated", "corp", "corporation", "co", "company", "pvt", "private", "pte", "pty", "proprietary", "public", "gmbh", "mbh", "ag", "kg", "ohg", "ug", "se", "ek", "gbr", "kgaa", "sa", "sas", "sarl", "sasu", "snc", "sci", "eurl", "srl", "spa", "sl", "slu", "slne", "scl", "sau", "bv", "nv", "vof", "cv", "ab", "aktiebolag", "oy", "oyj", "as", "asa", "aps", "kft", "zrt", "bt", "doo", "dd", "ad", "sro", "spol", "zoo", "spk", "sp", "oo", "ooo", "oao", "zao", "pao", "ltda", "eireli", "me", "epp", "sab", "rl", "de", "cv", "bhd", "sdn", "kk", "kabushiki", "kaisha", "gk", "yk", "tbk", "pt", "cic", "cio", "opc", "fzc", "fze", "fzco", "dmcc", "est", "wll", "saog", "psc", "jsc", "pjsc", "nbfc", "lda"]
)
_INITIALS = re.compile(r"\b(\w)\.\s?(?=\w\b\.?)")
_BETWEEN = re.compile(r"[^\w]+|_")


def company_name_key(name: str) -> str | None:
    """A company name reduced to what tells companies apart; ``None`` when nothing is left.

    ``Acmé, Pvt. Ltd.`` and ``ACME Private Limited`` give the same key; a name that is nothing but a legal form keeps it.
    """
    plain = name.casefold().replace("&", " and ")
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    # 'L.L.C.', 'S.A.', 's. r. o.' are one word each
    if "." in plain:
        plain = _INITIALS.sub(r"\1", plain)
    words = _BETWEEN.sub(" ", plain.replace("'", "").replace("’", "")).split()
    kept = list(words)
    while len(kept) > 1 and kept[-1] in _LEGAL_FORMS:
        kept.pop()
    if len(kept) > 1 and kept[-1] == "and":  # 'Smith & Co'
        kept.pop()
    return " ".join(kept) or None


def register_names(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``company_name_key`` available to SQL on this connection."""
    register_vectorised(connection, "company_name_key", company_name_key)
