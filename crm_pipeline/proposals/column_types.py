"""The type of a column in the source spec: what its field asks for, where the values agree, else what the values are."""

from __future__ import annotations

from typing import cast

from crm_pipeline.proposals.table import ColumnReading
from crm_pipeline.specs.source import ColumnType

_BY_FIELD = {
    "email": "email", "email_from": "email", "website": "url", "expected_revenue": "money", "probability": "pct", "date_deadline": "date",
    "date_closed": "dt", "body": "text", "comment": "text", "description": "text", "note": "text", "sequence": "int", "is_won": "bool",
}  # fmt: skip
#: Kept as text whatever they look like: digits that are no numbers.
_TEXTS = frozenset({"phone", "mobile", "zip", "ref", "vat", "name", "user_id", "author_id", "state_id", "active", "stage_id", "street", "street2", "city"})
_SURE, _MOSTLY = 0.98, 0.8
_CHECKED = {"email": "email", "url": "url", "money": "money", "pct": "pct", "date": "date", "dt": "dt", "int": "int", "bool": "bool"}


def column_type(column: ColumnReading) -> ColumnType:
    """The type that loses nothing: another than text only where nearly all values are readable so."""
    profile, says = column.profile, column.best.says
    wanted = _BY_FIELD.get(says)
    if wanted == "text":
        return "html" if profile.share("html") > 0.3 else "text"
    if wanted is not None and (profile.is_empty or profile.share(_CHECKED.get(wanted, wanted)) >= _MOSTLY or _day(column, wanted)):
        return cast("ColumnType", wanted)
    if profile.is_empty or says in _TEXTS:
        return "str"
    if profile.share("bool") >= _SURE and profile.distinct <= 2 and profile.share("int") < _SURE:
        return "bool"
    for kind, share in (("dt", "dt"), ("date", "date"), ("email", "email")):
        if profile.share(share) >= _SURE:
            return cast("ColumnType", kind)
    if profile.share("int") >= _SURE and not any(value.lstrip("+-").startswith("0") and len(value) > 1 for value in profile.samples):
        return "int" if profile.distinct > 1 or "number" in column.heading.casefold() else "str"
    if profile.share("dec") >= _SURE and profile.share("phone") < _SURE:
        return "dec"
    return "text" if profile.share("long") > 0.05 else "str"


def _day(column: ColumnReading, wanted: str) -> bool:
    """Whether a moment serves where a day is meant, or a day where a moment is."""
    return wanted in {"date", "dt"} and column.profile.share("date") >= _MOSTLY
