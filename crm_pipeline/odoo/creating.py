"""Create rows by ``create`` behind a fence; rows that are refused are found by what Odoo says, or by sending ever smaller pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm_pipeline.odoo.destination import QUIET, Destination, Record
from crm_pipeline.odoo.errors import ConcurrencyError, DataError, NotSentError, TransientError
from crm_pipeline.odoo.fence import Fence, Token
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.suspects import suspects
from crm_pipeline.odoo.turns import Turns
from crm_pipeline.specs import TargetSpec

#: Least rows of a piece that is not known to hold a refused one: a refused piece is lost work, and each piece costs a call.
_PIECE = 16
#: Rows taken as accepted at the start, so that a first batch that is refused is not lost as a whole.
_TRUST = 200
_NUMBERS: dict[str, Callable[[str], Any]] = {
    "integer": int, "many2one_reference": int, "many2one": int, "float": float, "monetary": float,
}  # fmt: skip


@dataclass
class Creation:
    """How rows of one model are created: behind which fence, in which context, and how wary.

    Attributes:
        fence: keeps late calls out.
        context: added to the quiet context.
        by_default: fields given as defaults of a call, with the linked records for which none of them may be.
        turns: finds whether the server gains by several calls at the same time; None for rows that cost too differently to tell.
        since_refusal: rows accepted since the last refusal, for the size of the next piece; threads may miss each other's counts.
    """

    fence: Fence
    context: Mapping[str, Any] = field(default_factory=dict)
    by_default: Mapping[str, Sequence[int]] = field(default_factory=dict)
    turns: Turns | None = None
    since_refusal: int = _TRUST

    @property
    def size(self) -> int:
        """Rows of the next piece, such that it is likely to be accepted."""
        return max(_PIECE, self.since_refusal // 2)

    def cut(self, piece: Sequence[int], rows: Sequence[Record], error: DataError) -> list[Sequence[int]]:
        """What a refused piece is sent as next: the suspected rows and the others, or else smaller pieces."""
        found = suspects(rows, f"{error.message}\n{error.detail}")
        if found:
            self.since_refusal = min(self.since_refusal, 2 * _PIECE)
            return [[piece[at] for at in found], [row for at, row in enumerate(piece) if at not in found]]
        self.since_refusal = 0
        size = (len(piece) + 1) // 2 if len(piece) <= _PIECE else _PIECE
        return [piece[start : start + size] for start in range(0, len(piece), size)]

    def call(
        self, destination: Destination, model: str, vals_list: list[Record], module: str, token: Token, defaults: Mapping[str, Any] | None = None
    ) -> list[int] | None:
        """One call under a token; None when the token was renewed meanwhile, then nothing was done.

        Raises:
            DataError: Odoo refused, for several records perhaps because the token was renewed; nothing was done.
            TransientError: after a doubt the token is gone, so what the call did can be looked up.
            FenceLostError: another run is loading the same model.
        """
        _refer(vals_list[0], self.fence, token)
        context = {**QUIET, **self.context, **(defaults or {}), "_import_current_module": module}
        try:
            return destination.create(model, vals_list, context=context)
        except DataError as error:
            # what PostgreSQL refused for another key or row than the token is no matter of the fence
            is_of_the_row = bool(error.detail) and f"({token.odoo_id})" not in error.detail
            if len(vals_list) > 1 or is_of_the_row or self.fence.stands(token):
                raise
            return None
        except (NotSentError, ConcurrencyError):
            raise
        except TransientError:
            self.fence.renew(token)
            raise


def creation_of(
    target: TargetSpec, destination: Destination, module: str, run_id: str, retry: RetryPolicy | None = None
) -> Creation | None:
    """How a target's new rows are created, None where they are sent by ``load`` or the destination lacks the fence's field."""
    rule = target.load.create
    field = destination.fields_get(target.model).get(rule.fence) if rule is not None else None
    if rule is None or field is None:
        return None
    fence = Fence(destination, module, target.model, field, run_id, retry)
    by_default = {name: _excepted(target, destination, name, unless) for name, unless in rule.by_default.items()}
    return Creation(fence, rule.context, by_default, None if by_default else Turns())


def _excepted(target: TargetSpec, destination: Destination, name: str, unless: str | None) -> list[int]:
    """Linked records of which a field is true."""
    if unless is None:
        return []
    relation = str(destination.fields_get(target.model)[name].relation)
    found = destination.search_read(relation, [(unless, "=", True)], ["id"], context={"active_test": False})
    return [record["id"] for record in found]


def _refer(vals: Record, fence: Fence, token: Token) -> None:
    """Let a record refer to the token."""
    name = fence.field.name
    if fence.field.type == "many2many":
        vals[name] = [*vals.get(name, []), (4, token.odoo_id)]
    else:
        vals[name] = token.odoo_id


def values_of(columns: Sequence[str], kinds: Sequence[str], rows: Sequence[Sequence[Any]], external_ids: Sequence[str]) -> list[Record]:
    """Rows of cells as ``load`` takes them, as the values ``create`` takes, a column at a time; an empty many2many is left out.

    A cell that is no value of its kind goes as it is.
    """
    names = ["id"]
    values: list[Sequence[Any]] = [external_ids]
    lists: list[tuple[str, Sequence[Any]]] = []
    cells: Sequence[Any]
    for column, kind, cells in zip(columns, kinds, zip(*rows, strict=True), strict=True):
        name = column.removesuffix("/.id")
        if kind == "many2many":
            lists.append((name, cells))
        else:
            names.append(name)
            values.append(_column_of(kind, cells))
    found = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
    for name, cells in lists:
        for vals, cell in zip(found, cells, strict=True):
            if cell != "":
                vals[name] = [(6, 0, [int(item) for item in str(cell).split(",")])]
    return found


def _column_of(kind: str, cells: Sequence[Any]) -> list[Any]:
    if kind == "boolean":
        return [cell == "True" for cell in cells]
    read = _NUMBERS.get(kind)
    if read is None:
        return [False if cell == "" else cell for cell in cells]
    return [False if cell == "" else read(cell) for cell in cells]


def value_of(kind: str, cell: Any) -> Any:
    """A cell as ``load`` takes it, of a field that holds a single value, as ``create`` takes it."""
    (value,) = _column_of(kind, [cell])
    return value
