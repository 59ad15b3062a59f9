"""Which company an internet address belongs to: registrable domains, and the domains that belong to nobody."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import duckdb
import yaml
from publicsuffixlist import PublicSuffixList

from crm_pipeline.transforms.text import register_vectorised

_LISTS_FILE = Path(__file__).with_name("domains.yaml")

# Host of a URL or bare address: scheme, user info, port, path and trailing dots removed.
_MACROS = r"""
CREATE OR REPLACE TEMP MACRO url_host(s) AS nullif(trim(regexp_replace(regexp_replace(regexp_replace(
    lower(trim(s)), '^[a-z][a-z0-9+.-]*://', ''), '[/?#\\].*$', ''), '^.*@|:[0-9]*$', '', 'g'), '. '), '');
CREATE OR REPLACE TEMP MACRO email_host(s) AS nullif(lower(regexp_extract(s, '@([^@\s>]+)', 1)), '');
"""


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=1)
def _lists() -> dict[str, frozenset[str]]:
    data = yaml.safe_load(_LISTS_FILE.read_text(encoding="utf-8"))
    return {name: frozenset(values) for name, values in data.items()}


def registrable_domain(host: str) -> str | None:
    """The part of a host name somebody registered (``shop.acme.co.uk`` → ``acme.co.uk``), from the public suffix list.

    International names are given in their ASCII form, so that both spellings are one domain. ``None`` for addresses,
    single labels and bare suffixes.
    """
    try:
        ascii_host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return None
    if ascii_host.replace(".", "").isdigit():
        return None
    domain = _suffixes().privatesuffix(ascii_host)
    return str(domain) if domain and "." in domain else None


def _unless_listed(host: str, *lists: str) -> str | None:
    domain = registrable_domain(host)
    listed = any(domain in _lists()[name] or host in _lists()[name] for name in lists)
    return None if domain is None or listed else domain


def website_domain(host: str) -> str | None:
    """Registrable domain of a company's website; ``None`` for social networks, free mail and placeholders (R-2)."""
    return _unless_listed(host, "social", "free_mail", "placeholder")


def email_domain(host: str) -> str | None:
    """Registrable domain of a company's mail; ``None`` for free mail, internet providers and placeholders (R-2)."""
    return _unless_listed(host, "free_mail", "placeholder")


def register_domains(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the domain functions available to SQL on this connection."""
    connection.execute(_MACROS)
    register_vectorised(connection, "website_domain", website_domain)
    register_vectorised(connection, "email_domain", email_domain)
