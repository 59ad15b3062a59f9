"""Posting, cancelling and re-opening journal entries (ODOO_FACTS 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.chatter import follow
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.entries import LINE, SIGNS, Entry, read_entries, refresh_entries, write_raw
from crm_pipeline.odoo.embedded.rules.numbers import Numbers, has_name, numbering
from crm_pipeline.odoo.embedded.rules.reconciling import reconcile_lines, refresh_payment_states, unreconcile
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

_NEGATIVE = (
    "You cannot validate an invoice with a negative total amount. You should create a credit note instead. Use the action "
    "menu to transform it into a credit note or refund."
)
_ONLY_DRAFT = "Only draft journal entries can be cancelled."
_ONLY_DONE = "Only posted/cancelled journal entries can be reset to draft."
_TITLES = {"out_invoice": ("Customer", "Customer Invoice"), "out_refund": ("Customer", "Customer Credit Note")}


def action_post(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> bool:
    """``account.move.action_post``."""
    del model, arguments, context
    post_entries(orm, ids)
    return False


def post_entries(orm: Orm, ids: Sequence[int]) -> None:
    """Number entries and post them; raises DataError, and nothing is posted, when any of them is refused."""
    entries = {entry.key: entry for entry in read_entries(orm, ids)}
    currencies = orm.store.get("res.currency", {entry.doc["currency_id"] for entry in entries.values()})
    for key in ids:
        _check(orm, entries[key], currencies)
    undated = [
        key for key in ids if entries[key].doc.get("move_type") in SIGNS and not entries[key].doc.get("invoice_date")
    ]
    if undated:
        orm.write("account.move", undated, {"invoice_date": orm.today}, {})
        entries |= {entry.key: entry for entry in read_entries(orm, undated)}
    numbers = Numbers(orm)
    changed: dict[int, Doc] = {}
    posted: list[tuple[int, Doc]] = []
    for key in ids:
        doc = entries[key].doc
        changes: Doc = {"state": "posted", "posted_before": True}
        if not has_name(doc):
            write_raw(orm, "account.move", changed.items())  # what is numbered before counts
            changed.clear()
            changes["name"] = numbers.next(doc, key)
        doc = {**doc, **changes}
        numbers.check_date(doc)
        changes |= numbering(doc)
        if doc.get("move_type") == "out_invoice" and not doc.get("payment_reference"):
            changes["payment_reference"] = doc["name"]
        changed[key] = changes
        posted.append((key, doc))
    write_raw(orm, "account.move", changed.items())
    numbers.check_unique(posted)
    if orm.differences.posting_adds_follower:
        follow(orm, "account.move", [(key, doc["partner_id"]) for key, doc in posted if doc.get("partner_id")])
    refresh_payment_states(orm, refresh_entries(orm, ids))
    _apply_reversals(orm, ids)


def _check(orm: Orm, entry: Entry, currencies: dict[int, Doc]) -> None:
    doc, words = entry.doc, orm.differences
    message = None
    if doc.get("state") != "draft":
        message = f"The entry {doc.get('name')} (id {entry.key}) must be in draft."
    elif not any(
        line.get("display_type") not in {"line_section", "line_subsection", "line_note"} for _, line in entry.lines
    ):
        message = words.nothing_to_post
    elif doc.get("move_type") in SIGNS and not doc.get("partner_id"):
        field, title = _TITLES.get(doc["move_type"], ("Vendor", "Vendor Bill"))
        message = words.invoice_without_partner.format(field=field, title=title)
    elif doc.get("move_type") in SIGNS and (doc.get("amount_total") or 0.0) < 0:
        message = _NEGATIVE
    elif not currencies[doc["currency_id"]].get("active"):
        message = (
            f"You cannot validate a document with an inactive currency: {currencies[doc['currency_id']].get('name')}"
        )
    if message is not None:
        raise DataError(message, call="account.move")


def _apply_reversals(orm: Orm, ids: Sequence[int]) -> None:
    """Credit notes that name a posted invoice are matched with it."""
    docs = orm.store.get("account.move", ids)
    pairs = [(key, doc["reversed_entry_id"]) for key, doc in docs.items() if doc.get("reversed_entry_id")]
    originals = orm.store.get("account.move", {original for _, original in pairs})
    for key, original in pairs:
        if originals.get(original, {}).get("state") != "posted":
            continue
        lines = orm.store.find(LINE, move_id=[key, original], display_type="payment_term")
        open_lines = [line for line, doc in lines if not doc.get("reconciled")]
        accounts = {doc.get("account_id") for _, doc in lines}
        if len({doc["move_id"] for line, doc in lines if line in open_lines}) > 1 and len(accounts) == 1:
            reconcile_lines(orm, open_lines)


def button_cancel(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> None:
    """``account.move.button_cancel``: from draft and from posted, where matches are undone."""
    del model, arguments, context
    if any(doc.get("state") == "cancel" for doc in orm.store.get("account.move", ids).values()):
        raise DataError(_ONLY_DRAFT, call="account.move")
    unreconcile(orm, [key for key, _ in orm.store.find(LINE, move_id=ids)])
    _set_state(orm, ids, "cancel")


def button_draft(orm: Orm, model: Model, ids: list[int], arguments: dict[str, Any], context: Context) -> None:
    """``account.move.button_draft``: matches are undone, except in 19.0."""
    del model, arguments, context
    if any(doc.get("state") not in {"posted", "cancel"} for doc in orm.store.get("account.move", ids).values()):
        raise DataError(_ONLY_DONE, call="account.move")
    draft_entries(orm, ids)


def draft_entries(orm: Orm, ids: Sequence[int]) -> None:
    """Entries become drafts."""
    if orm.differences.draft_undoes_matches:
        unreconcile(orm, [key for key, _ in orm.store.find(LINE, move_id=list(ids))])
    _set_state(orm, ids, "draft")


def _set_state(orm: Orm, ids: Sequence[int], state: str) -> None:
    write_raw(orm, "account.move", [(key, {"state": state}) for key in ids])
    refresh_payment_states(orm, refresh_entries(orm, ids))
