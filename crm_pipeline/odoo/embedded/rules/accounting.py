"""What documents of accounting stand on: journals with their accounts and payment methods, taxes, decimal accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.amounts import COMPANY
from crm_pipeline.odoo.embedded.rules.custom_fields import refresh_registry
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

_LIQUID = {"bank": "bank_account_code_prefix", "cash": "cash_account_code_prefix"}
_CODE_LENGTH = 6
_CODES = {"sale": "INV", "purchase": "BILL", "cash": "CSH", "bank": "BNK", "credit": "CCD", "general": "MISC"}


class JournalRule(Rule):
    """A bank or cash journal brings its own account and its payment methods."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Codes are unique; what the type implies is filled in."""
        del context
        taken = {doc.get("code") for _, doc in orm.store.find(model.name)}
        (company,) = orm.store.get("res.company", [COMPANY]).values()
        for doc, names in zip(docs, given, strict=True):
            if orm.differences.journals_get_a_code and not doc.get("code") and doc.get("type") in _CODES:
                prefix = _CODES[doc["type"]]
                doc["code"] = next(code for number in range(1, 100) if (code := f"{prefix}{number}") not in taken)
            if doc.get("code") in taken:
                message = "The operation cannot be completed: Journal codes must be unique per company."
                raise DataError(message, call=model.name)
            taken.add(doc.get("code"))
            kind = doc.get("type")
            if "refund_sequence" not in names:
                doc["refund_sequence"] = kind in {"sale", "purchase"} or None
            if kind in _LIQUID:
                _fill_liquid(orm, doc, names, company)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """Money comes in and goes out by every method there is."""
        del model, given
        methods = orm.store.find("account.payment.method")
        lines = [
            {"journal_id": key, "payment_method_id": method, "name": doc.get("name"), "sequence": 10}
            for key, journal in pairs
            if journal.get("type") in _LIQUID
            for method, doc in methods
        ]
        if lines:
            orm.create("account.payment.method.line", lines, context)


    def before_unlink(self, orm: Orm, model: Model, old: dict[int, Doc], context: Context) -> None:
        """Its payment methods go with a journal; the account that was made for it stays."""
        del model
        lines = [key for key, _ in orm.store.find("account.payment.method.line", journal_id=list(old))]
        if lines:
            orm.unlink("account.payment.method.line", lines, context)


def _fill_liquid(orm: Orm, doc: Doc, given: frozenset[str], company: Doc) -> None:
    if not doc.get("default_account_id"):
        doc["default_account_id"] = _new_account(orm, doc, str(company.get(_LIQUID[doc["type"]]) or ""))
    for name, source in (
        ("suspense_account_id", "account_journal_suspense_account_id"),
        ("profit_account_id", "default_cash_difference_income_account_id"),
        ("loss_account_id", "default_cash_difference_expense_account_id"),
    ):
        if name not in given:
            doc[name] = company.get(source)
    if "payment_sequence" not in given:
        doc["payment_sequence"] = True


def _new_account(orm: Orm, journal: Doc, prefix: str) -> int:
    field = "code" if "code" in orm.registry.model("account.account").columns else "code_store"
    taken = {doc.get(field) for _, doc in orm.store.find("account.account")}
    number = 1
    while (code := prefix + str(number).rjust(_CODE_LENGTH - len(prefix), "0")) in taken:
        number += 1
    vals: Doc = {"name": journal.get("name"), "account_type": "asset_cash", field: code}
    (key,) = orm.store.next_ids("account.account", 1)
    owner = {"company_id": COMPANY} if field == "code" else {"company_ids": [COMPANY], "active": True}
    stamps = {"create_date": orm.stamp, "create_uid": 2, "write_date": orm.stamp, "write_uid": 2}
    orm.store.insert("account.account", [(key, {**vals, **owner, **stamps})])
    return key


class TaxRule(Rule):
    """Taxes belong to the company's country and to a group."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Country and group that were not given; names are unique."""
        del given, context
        (company,) = orm.store.get("res.company", [COMPANY]).values()
        groups = sorted((doc.get("sequence", 0), key) for key, doc in orm.store.find("account.tax.group"))
        for doc in docs:
            if not doc.get("country_id"):
                doc["country_id"] = company.get("account_fiscal_country_id")
            if not doc.get("tax_group_id") and groups:
                doc["tax_group_id"] = groups[0][1]
            same = orm.store.find(model.name, name=doc.get("name"), type_tax_use=doc.get("type_tax_use"))
            if any(other.get("country_id") == doc["country_id"] for _, other in same):
                raise DataError(f"Tax names must be unique!\n- {doc.get('name')} in My Company", call=model.name)


class PrecisionRule(Rule):
    """Decimal accuracy: numbers are kept with another count of digits from the next call on."""

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
        """Read the digits again."""
        del model, pairs, old, new, given, context
        refresh_registry(orm)
