"""Numbers of journal entries: the next one of a journal, and refusals (ODOO_FACTS 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

from crm_pipeline.odoo.embedded.store import Doc, value_of
from crm_pipeline.odoo.errors import DataError
from crm_pipeline.odoo.numbering import Reading, read_number

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

_COUNTER = re.compile(r"(\d{1,9})\D*\Z")
_RUN = re.compile(r"\d+")
_NUMBERED = "#numbered"
_UNCHECKED_UNTIL = "1970-01-01"
_NAMELESS = (None, "", "/")
REFUNDS = frozenset({"out_refund", "in_refund"})
_YEARLY = frozenset({"sale", "bank", "cash"})
_SAME = "The operation cannot be completed: Another entry with the same name already exists."


def has_name(doc: Doc) -> bool:
    """Whether an entry has a number; ``/`` is none."""
    return doc.get("name") not in _NAMELESS


def numbering(doc: Doc) -> Doc:
    """What entries are numbered by.

    ``sequence_prefix`` stands before the name's last (nine) digits, ``sequence_number`` is what they say; a numbered
    entry has its date once more, by which the entry before is found.
    """
    match = _COUNTER.search(doc.get("name") or "")
    dated = doc.get("date") if has_name(doc) else None
    if match is None:
        return {"sequence_prefix": None, "sequence_number": None, _NUMBERED: dated}
    return {"sequence_prefix": doc["name"][: match.start(1)], "sequence_number": int(match[1]), _NUMBERED: dated}


class Numbers:
    """Checks and gives the numbers of one call."""

    def __init__(self, orm: Orm) -> None:
        self._orm = orm
        self._journals: dict[int, Doc] = {}
        self._last: dict[tuple[int, str], _Series] = {}

    def check_date(self, doc: Doc) -> None:
        """Raises DataError when the year or month in the number is not the date's."""
        name, day = str(doc["name"]), str(doc["date"])
        if day <= _UNCHECKED_UNTIL:
            return
        reading = read_number(name, range_with_month=self._orm.differences.number_has_range_with_month)
        then = date.fromisoformat(day)
        if not reading.fits(then):
            message = self._orm.differences.number_contradicts_date.format(date=then.strftime("%m/%d/%Y"), name=name)
            raise DataError(message, call="account.move")

    def check_unique(self, entries: Iterable[tuple[int, Doc]]) -> None:
        """Raises DataError when two of the posted entries, or one and another posted one of its journal, have the same number."""
        taken: dict[int, dict[str, int]] = {}
        for key, doc in entries:
            if taken.setdefault(doc["journal_id"], {}).setdefault(doc["name"], key) != key:
                raise DataError(_SAME, call="account.move")
        for journal, names in taken.items():
            for other, found in self._orm.store.find("account.move", journal_id=journal, name=list(names)):
                if names[found["name"]] != other and found.get("state") == "posted":
                    raise DataError(_SAME, call="account.move")

    def next(self, doc: Doc, key: int = 0) -> str:
        """The next number of the entry's journal, after the pattern of the last one."""
        kind = self._kind(doc)
        last = self._reference(doc, kind, key)
        if last is None:
            return self._first(doc, kind)
        name, day = str(last["name"]), str(last["date"])
        reading = read_number(name, range_with_month=self._orm.differences.number_has_range_with_month)
        prefix, counter, suffix = _parts(name)
        if _same_period(reading, day, str(doc["date"])):
            return self._after(doc, prefix, counter, suffix)
        return self._after(doc, _moved(prefix, reading, date.fromisoformat(str(doc["date"]))), counter, suffix)

    def is_first(self, doc: Doc) -> bool:
        """Whether no entry of the journal in the same period has a number: 17.0 numbers such a draft."""
        last = self._reference(doc, self._kind(doc), 0)
        if last is None:
            return True
        reading = read_number(str(last["name"]), range_with_month=False)
        return not _same_period(reading, str(last["date"]), str(doc["date"]))

    def _journal(self, key: int) -> Doc:
        if key not in self._journals:
            (self._journals[key],) = self._orm.store.get("account.journal", [key]).values()
        return self._journals[key]

    def _kind(self, doc: Doc) -> str:
        """Refunds, and payments, are numbered on their own where their journal says so."""
        journal = self._journal(doc["journal_id"])
        if journal.get("refund_sequence") and doc.get("move_type") in REFUNDS:
            return "R"
        return "P" if journal.get("payment_sequence") and doc.get("move_type") == "entry" else ""

    def _reference(self, doc: Doc, kind: str, key: int) -> Doc | None:
        """The named entry of the same kind with the latest date up to this one's, else the earliest."""
        journal, when = (value_of("account.move", field) for field in ("journal_id", _NUMBERED))
        refunds = f"AND {value_of('account.move', 'move_type')} {'' if kind == 'R' else 'NOT'} IN ('out_refund', 'in_refund')"
        same = refunds if self._journal(doc["journal_id"]).get("refund_sequence") else ""
        table = self._orm.store.ensure("account.move")
        for compare, direction in (("<=", "DESC"), (">", "ASC")):
            found = self._orm.store.execute(
                f"SELECT doc FROM {table} WHERE {journal} = ? AND {when} {compare} ? AND id <> ?"
                f" {same} ORDER BY {when} {direction}, id DESC LIMIT 1",
                [doc["journal_id"], doc["date"], key],
            )
            if found:
                last: Doc = orjson.loads(found[0][0])
                return last
        return None

    def _first(self, doc: Doc, kind: str) -> str:
        journal, day = self._journal(doc["journal_id"]), date.fromisoformat(str(doc["date"]))
        if journal.get("type") in _YEARLY:
            return f"{kind}{journal['code']}/{day.year:04d}/00001"
        return f"{kind}{journal['code']}/{day.year:04d}/{day.month:02d}/0001"

    def _after(self, doc: Doc, prefix: str, counter: str, suffix: str) -> str:
        series = self._last.get((doc["journal_id"], prefix))
        if series is None:
            series = self._last[doc["journal_id"], prefix] = _Series(self._highest(doc["journal_id"], prefix))
        series.number += 1
        return f"{prefix}{series.number:0{len(counter)}d}{suffix}"

    def _highest(self, journal: int, prefix: str) -> int:
        fields = ("journal_id", "sequence_prefix", "sequence_number")
        of_journal, of_prefix, number = (value_of("account.move", field) for field in fields)
        table = self._orm.store.ensure("account.move")
        found: list[Any] = self._orm.store.execute(
            f"SELECT max({number}) FROM {table} WHERE {of_journal} = ? AND {of_prefix} = ?", [journal, prefix]
        )
        return int(found[0][0] or 0)


@dataclass(slots=True)
class _Series:
    number: int


def _parts(name: str) -> tuple[str, str, str]:
    """Prefix, counter and suffix; a name without digits is counted from its end."""
    match = _COUNTER.search(name)
    if match is None:
        return name, "", ""
    return name[: match.start(1)], match[1], name[match.end(1) :]


def _same_period(reading: Reading, one: str, other: str) -> bool:
    """Whether numbering goes on between two days: for ever, for a year or for a month."""
    if reading.year is None:
        return True
    return one[:4] == other[:4] and (reading.month is None or one[:7] == other[:7])


def _moved(prefix: str, reading: Reading, day: date) -> str:
    """A prefix with another year and month."""
    meant = {reading.year: day.year, reading.month: day.month}

    def replace(match: re.Match[str]) -> str:
        digits = match[0]
        new = meant.get(int(digits)) if len(digits) in {2, 4} else None
        return digits if new is None else f"{new % 10 ** len(digits):0{len(digits)}d}"

    return _RUN.sub(replace, prefix)
