r"""Amounts of money, quantities and percentages, as DuckDB macros.

How an amount is read (R-8), after currency and sign are taken off:

1. the last separator followed by 1 or 2 digits at the end is the decimal sign ('1234,5', '1,234.50', '1.234,50');
2. otherwise separators are thousands if the grouping is well formed: groups of three ('1,234', '1.234.567',
   '1 234', "1'234") or, with commas, Indian groups ('12,34,567');
3. otherwise a last separator that can't be a thousands one is the decimal sign ('1234.505', '0.125', '1,234.505');
4. everything else is unreadable ('1,23,45', '1.234.56', '12 34', '1e5').

Negative: a minus (also U+2212) before or after the number or before the currency, or parentheses; both is unreadable.
Currency: an ISO 4217 code or one of the source's symbols, before or after. Amounts keep 6 decimals, further ones are
rounded half away from zero; more than 18 digits before the decimal sign are unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from babel.numbers import list_currencies

from crm_pipeline.exports.sql import literal

_SPACES = "\xa0\u2009\u202f\u2007"
_APOSTROPHES = "’ʼ´`"


@lru_cache(maxsize=1)
def iso_codes() -> tuple[str, ...]:
    """Currency codes of ISO 4217, past ones included (CLDR's list), sorted."""
    return tuple(sorted(code for code in list_currencies() if re.fullmatch("[A-Z]{3}", code)))


def _re2_escape(text: str) -> str:
    return "".join(c if c.isalnum() or ord(c) > 126 else f"\\x{{{ord(c):x}}}" for c in text)


def _number_macros() -> dict[str, str]:
    """``_number(u)``: canonical text (digits, separators, maybe a leading '-') to DECIMAL(24,6)."""
    western, indian = r"[1-9][0-9]{0,2}(?:S[0-9]{3})+", r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}"
    comma = western.replace("S", ",")
    groups = {
        "','": (rf"-?(?:{comma}|{indian})(?:\.[0-9]+)?", "replace(u, ',', '')"),
        "'.'": (rf"-?{western.replace('S', '[.]')}(?:,[0-9]+)?", "replace(replace(u, '.', ''), ',', '.')"),
        "' '": (rf"-?{western.replace('S', ' ')}(?:[.,][0-9]+)?", "replace(replace(u, ' ', ''), ',', '.')"),
        "''''": (rf"-?{western.replace('S', chr(39))}(?:[.,][0-9]+)?", "replace(replace(u, '''', ''), ',', '.')"),
    }
    decimals = r"(?:0|[1-9][0-9]{3,})[.,][0-9]{3,}|(?:0|[1-9][0-9]*)[.,][0-9]{4,}"
    plain = rf"-?(?:[0-9]+(?:[.,][0-9]{{1,2}})?|[.,][0-9]+|{decimals})"
    cases = [f"WHEN regexp_full_match(u, {literal(plain)}) THEN replace(u, ',', '.')"]
    cases += [f"WHEN regexp_full_match(u, {literal(shape)}) THEN {text}" for shape, text in groups.values()]
    return {
        "_digits(u)": f"CASE {' '.join(cases)} END",
        "_number(u)": "TRY_CAST(_digits(u) AS DECIMAL(24,6))",
        "_straight(t)": f"translate(t, '−{_SPACES}{_APOSTROPHES}', '-{' ' * len(_SPACES)}{chr(39) * 2 * len(_APOSTROPHES)}')",
    }


def _sign_macro() -> str:
    """SQL for canonical ``u`` with its sign in front: '(5)' and '5-' become '-5', '+5' becomes '5'."""
    framed = r"regexp_replace(u, '^[(] *(.*[0-9]) *[)]$', '-\1')"
    return (
        rf"regexp_replace(regexp_replace(regexp_replace({framed}, '^([0-9.,].*[0-9]|[0-9]) *-$', '-\1'), "
        r"'^- *([0-9.,])', '-\1'), '^[+] *([0-9.,])', '\1')"
    )


def _let(value: str, name: str, body: str) -> str:
    """SQL for ``body`` with ``value`` computed once as ``name``."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def amount_macros(currency_symbols: Mapping[str, str]) -> dict[str, str]:
    """Macro signatures and bodies; ``currency_symbols`` maps symbol → ISO code."""
    symbols = sorted(currency_symbols, key=lambda symbol: (-len(symbol), symbol))
    codes = "|".join(iso_codes())
    currency = f"(?i:{'|'.join([*map(_re2_escape, symbols), codes])})"
    by_symbol = " ".join(
        f"WHEN regexp_matches(t, {literal(f'(?i:{_re2_escape(symbol)})')}) THEN {literal(currency_symbols[symbol])}"
        for symbol in symbols
    )
    stated = literal(f"(?i)(?:^|[^A-Z])({codes})(?:[^A-Z]|$)")
    either = f"CASE {by_symbol} END" if by_symbol else "CAST(NULL AS VARCHAR)"
    quick = r"-?[0-9]{1,17}(?:\.[0-9]{1,2})?"
    # The two commonest shapes with a symbol, read without the general rules (which give the same).
    mark = "|".join(_re2_escape(symbol) for symbol in symbols if not re.search(r"[-0-9.,]", symbol)) or "$^"
    western = literal(
        rf"-?(?:(?:{mark}) ?)?-?(?:[0-9]{{1,3}}|[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+)(?:\.[0-9]{{1,2}})?(?: ?(?:{mark}))?"
    )
    european = literal(
        rf"-?(?:(?:{mark}) ?)?-?(?:[0-9]{{1,3}}|[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+),[0-9]{{1,2}}(?: ?(?:{mark}))?"
    )
    western_digits = "regexp_replace(t, '[^-0-9.]+', '', 'g')"
    european_digits = "replace(regexp_replace(t, '[^-0-9,]+', '', 'g'), ',', '.')"
    point = literal(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
    as_decimal = "TRY_CAST({0} AS DECIMAL(24,6))"
    before = literal(f"^([-+(]? *){currency} *")
    after = literal(f" *{currency}( *[-)]?)$")
    bare = f"regexp_replace(regexp_replace(t, {before}, '\\1'), {after}, '\\1')"
    unmarked = f"CASE WHEN regexp_matches(t, '[^-+(). ,''0-9]') THEN {bare} ELSE t END"
    percent = literal(f"^% ?([^%]*)$|^([^%]*[^ %{_SPACES}])[ {_SPACES}]?%$")
    unsigned_percent = f"regexp_replace(t, {percent}, '\\1\\2')"
    whole = "CASE WHEN u = trunc(u) THEN TRY_CAST(u AS BIGINT) END"
    return {
        **_number_macros(),
        "_signed(u)": _sign_macro(),
        "_bare(t)": unmarked,
        "_money(t)": (
            f"CASE WHEN regexp_full_match(t, {literal(quick)}) THEN {as_decimal.format('t')} "
            f"WHEN regexp_full_match(t, {western}) THEN {as_decimal.format(western_digits)} "
            f"WHEN regexp_full_match(t, {european}) THEN {as_decimal.format(european_digits)} "
            f"WHEN regexp_matches(t, '[0-9]') THEN {_let('_signed(_bare(_straight(t)))', 'u', '_number(u)')} END"
        ),
        "_currency(t)": (
            "CASE WHEN t IS NULL OR regexp_full_match(t, '[-0-9.,() ]*') THEN NULL "
            f"WHEN regexp_matches(t, {stated}) THEN upper(regexp_extract(t, {stated}, 1)) ELSE {either} END"
        ),
        "money_currency(s)": "_currency(blank(s))",
        "_dec(t)": (
            f"CASE WHEN regexp_full_match(t, {point}) THEN {as_decimal.format('t')} WHEN regexp_matches(t, '[0-9]') THEN "
            + _let(
                "_signed(_straight(t))",
                "u",
                f"CASE WHEN regexp_full_match(u, {point}) THEN {as_decimal.format('u')} ELSE _number(u) END",
            )
            + " END"
        ),
        "_int(t)": (
            "CASE WHEN regexp_full_match(t, '-?[0-9]{1,18}') THEN TRY_CAST(t AS BIGINT) "
            f"WHEN regexp_matches(t, '[0-9]') THEN {_let('_dec(t)', 'u', whole)} END"
        ),
        "_pct(t)": (
            "CASE WHEN contains(t, '%') THEN "
            f"TRY_CAST({_let(unsigned_percent, 'q', '_dec(q)')} AS DECIMAL(9,4)) "
            "ELSE TRY_CAST(_dec(t) AS DECIMAL(9,4)) END"
        ),
    }
