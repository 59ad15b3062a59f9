"""mail.blacklist: addresses that get no mass mail, each there once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.names import UniqueRule
from crm_pipeline.odoo.embedded.rules.partner import normalized_email
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm


class BlacklistRule(UniqueRule):
    """Addresses are kept in their normal form.

    Creating one that is there gives the record that is there in 17.0 to 19.0, in another order than asked for; the load
    matches first, so here a second one is refused.
    """

    accepted = frozenset({"email"})

    def __init__(self) -> None:
        super().__init__(("email",), "Email address already exists!")

    def accept(
        self, orm: Orm, model: Model, vals_list: Sequence[Record], context: Context, *, writing: bool = False
    ) -> Sequence[Record]:
        """Normalise the address; what is none is refused when it is created."""
        del orm, context
        accepted = []
        for vals in vals_list:
            kept = dict(vals)
            if "email" in kept or not writing:
                kept["email"] = normalized_email(str(kept.get("email") or ""), semicolons=False) or False
            if not kept.get("email") and not writing:
                raise DataError(f"Invalid email address {vals.get('email')!r}", call=model.name)
            accepted.append(kept)
        return accepted
