"""Records counted by the values of fields, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_pipeline.odoo.destination import Destination, Domain

#: The first series with ``formatted_read_group``; it deprecates ``read_group`` (19.0).
_FORMATTED = 19


def count_by(destination: Destination, model: str, domain: Domain, fields: Sequence[str]) -> dict[tuple[Any, ...], int]:
    """The values of some stored plain fields → how many records of a domain have them, archived ones too; values without records are absent.

    Raises:
        CallError, AccessRightsError: no such model, or no right to read it.
    """
    every: dict[str, Any] = {"context": {"active_test": False}}
    if int(destination.version.partition(".")[0]) >= _FORMATTED:
        groups = destination.call(
            model, "formatted_read_group", domain=list(domain), groupby=list(fields), aggregates=["__count"], **every
        )
    else:
        groups = destination.call(model, "read_group", domain=list(domain), fields=[], groupby=list(fields), lazy=False, **every)
    return {tuple(group[name] for name in fields): int(group["__count"]) for group in groups}
