"""Sub-rows of ``load``: the lines of a document stand below its row, whose own columns are empty there (ODOO_FACTS 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: context key under which lines are written as a part of their document
SUB_ROWS = "#sub_rows"
_BLANK = ("", None, False)
Columns = list[Sequence[Any]]


@dataclass(slots=True)
class Lines:
    """The columns of one one2many: ``owners`` names the record of each of its rows."""

    fields: list[str] = field(default_factory=list)
    columns: Columns = field(default_factory=list)
    owners: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """The rows of a load as records; ``firsts`` is the row each record starts at, which its complaints are named by."""

    firsts: Sequence[int]
    fields: list[str]
    columns: Columns
    lines: dict[str, Lines]


def parted(fields: Sequence[str], columns: Sequence[Sequence[Any]], one2many: Mapping[str, Any]) -> Batch:
    """Part the columns of a load into those of the records and those of their lines.

    A row below a record belongs to it when it has no value of the record's own and any of its lines'.
    """
    heads = [path.partition("/")[0] for path in fields]
    own = [index for index, head in enumerate(heads) if head not in one2many]
    names = [fields[index] for index in own]
    kept: Columns = [columns[index] for index in own]
    count = len(columns[0]) if columns else 0
    if len(own) == len(fields):
        return Batch(range(count), names, kept, {})
    firsts, owners = _records(kept, [columns[i] for i, head in enumerate(heads) if head in one2many], count)
    lines: dict[str, Lines] = {}
    for head in dict.fromkeys(head for head in heads if head in one2many):
        chosen = [index for index, other in enumerate(heads) if other == head]
        rows = [row for row in range(count) if any(columns[index][row] not in _BLANK for index in chosen)]
        lines[head] = Lines(
            [fields[index].partition("/")[2] for index in chosen],
            [[columns[index][row] for row in rows] for index in chosen],
            [owners[row] for row in rows],
        )
    return Batch(firsts, names, [[cells[row] for row in firsts] for cells in kept], lines)


def _records(own: Columns, below: Columns, count: int) -> tuple[list[int], list[int]]:
    """The first row of each record, and the record of each row."""
    firsts: list[int] = []
    owners: list[int] = []
    for row in range(count):
        continues = all(cells[row] in _BLANK for cells in own) and any(cells[row] not in _BLANK for cells in below)
        if not (firsts and continues):
            firsts.append(row)
        owners.append(len(firsts) - 1)
    return firsts, owners
