"""A report without personal data: what it says of rows, columns and counts stays, what people wrote is masked.

Whole cells of columns that hold values of the export or of Odoo are masked; in sentences, everything quoted, e-mail
addresses, and long numbers are.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

MASK = "•••"
#: Parts of a report that are about rows and people; the others hold rules, counts and sums.
_PARTS = ("first_differences", "failed", "warnings", "phases", "quarantine", "owners", "queues", "counts", "preflight", "history", "decisions")
#: Columns whose cells are values, names or keys.
_VALUES = frozenset({
    "key", "expected", "actual", "value", "name", "source_email", "email", "external_id", "last_loaded", "odoo_now", "new_source",
    "label", "source_name", "source_value", "target_value", "new_value", "waits", "who", "changed_by", "item", "odoo_login", "record",
    "before", "after", "note",
})  # fmt: skip
#: Where 'name' says what a check or a fact is called, it is no person's.
_OWN_NAMES = frozenset({"failed", "warnings", "phases"})
_PERSONAL = re.compile(r"'[^']*'|\"[^\"]*\"|[\w.+%-]+@[\w.-]+|\+?\d[\d ()/-]{6,}\d")


def redact(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a report with its values masked."""
    return {name: _masked(value, _OWN_NAMES if name in _OWN_NAMES else frozenset()) if name in _PARTS else value for name, value in content.items()}


def _masked(value: Any, own: frozenset[str], column: str = "") -> Any:
    if isinstance(value, str):
        return MASK if column in _VALUES and value else _PERSONAL.sub(MASK, value)
    if isinstance(value, Mapping):
        return {name: _masked(each, frozenset(), name) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_masked(each, own, column) for each in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = {"name", "asset"} if own else set()
        changes = {f.name: _masked(getattr(value, f.name), own, f.name) for f in dataclasses.fields(value) if f.name not in kept}
        return dataclasses.replace(value, **changes)
    return value
