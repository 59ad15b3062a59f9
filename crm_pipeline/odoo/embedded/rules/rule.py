"""The hooks a model's rule may use around the generic ORM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.store import Doc

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

Given = Sequence[frozenset[str]]


class Rule:
    """Does nothing; a model's rule overrides what its model does beyond storing values.

    ``docs`` hold checked values: a missing key was not given, None was given empty. ``given`` names the keys the
    caller gave, before defaults.
    """

    #: the fields for which :meth:`accept` is needed
    accepted: frozenset[str] = frozenset()

    def accept(
        self, orm: Orm, model: Model, vals_list: Sequence[Record], context: Context, *, writing: bool = False
    ) -> Sequence[Record]:
        """The raw values, changed before they are checked (fields that are only ways to set others)."""
        del orm, model, context, writing
        return vals_list

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Fill and check ``docs`` in place, before required fields and references are checked."""

    def complete(self, orm: Orm, model: Model, pairs: Pairs) -> None:
        """Set what depends on the records' own ids, before they are stored."""

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """Side effects once the records exist; ``pairs`` are ids and stored documents."""

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """Change and check the values in ``pairs`` in place; ``old`` are the stored documents."""

    def after_write(
        self,
        orm: Orm,
        model: Model,
        pairs: Pairs,
        old: dict[int, Doc],
        new: dict[int, Doc],
        given: Given,
        context: Context,
    ) -> None:
        """Side effects once the values are stored."""

    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Refuse."""

    def after_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Side effects of a deletion."""

    def read(self, orm: Orm, model: Model, name: str, key: int, doc: Doc) -> Any:
        """The value of a field that is not stored; NotImplemented when the rule does not know it."""
        del orm, model, name, key, doc
        return NotImplemented
