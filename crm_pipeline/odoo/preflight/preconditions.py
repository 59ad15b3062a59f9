"""What must be true of a destination before documents are loaded, found out before the first record is written.

An obstacle would stop documents on their way, a doubt would change or hide something; each says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.preflight.findings import Finding, Verdict
from crm_pipeline.odoo.preflight.subject import Subject
from crm_pipeline.specs import TargetSpec
from crm_pipeline.staging.store import StagingStore, quote

#: Fields of res.company that close a period; versions have different ones.
_LOCKS = ("fiscalyear_lock_date", "tax_lock_date", "sale_lock_date", "period_lock_date", "hard_lock_date")
#: Staged column → the precision Odoo keeps it with (its name differs between versions).
_PRECISIONS = {
    "price_unit": ("Product Price",),
    "quantity": ("Product Unit of Measure", "Product Unit"),
    "product_uom_qty": ("Product Unit of Measure", "Product Unit"),
    "discount": ("Discount",),
}
_PRECISION_ADVICE = (
    "under Settings > Technical > Decimal Accuracy before the load; else quotations differ by the rounding that is "
    "listed, and invoices whose total it changes stay drafts"
)
_RATE_ADVICE = (
    "enter rates under Accounting > Configuration > Currencies before the load, or state them in "
    "res_currency_rate.yaml; until then the rate stated there is taken (1), and amounts in company currency follow it"
)


def documents_can_be_loaded(subject: Subject) -> Verdict:
    """Nothing would stop documents on their way."""
    return Verdict(tuple(_findings(subject, _OBSTACLES)), "ready")


def amounts_can_be_kept(subject: Subject) -> Verdict:
    """Nothing would change an amount."""
    return Verdict(tuple(_findings(subject, frozenset(_CHECKS) - _OBSTACLES)), "amounts fit")


def _findings(subject: Subject, wanted: frozenset[str]) -> Iterator[Finding]:
    """Findings of the preconditions that the targets with staged rows name."""
    for target in subject.present:
        if not subject.staged(target):
            continue
        for name in target.preconditions:
            if name in wanted:
                for problem, what_to_do in _CHECKS[name](subject.store, target, subject.destination):
                    yield Finding(target.model, problem, what_to_do)


def _chart_of_accounts(store: StagingStore, target: TargetSpec, destination: Destination) -> Iterator[tuple[str, str]]:
    del store, target
    if not any(c["chart_template"] for c in destination.search_read("res.company", [], ["chart_template"])):
        yield (
            "the company has no chart of accounts",
            "install a fiscal localization under Accounting > Configuration > Settings before documents are loaded",
        )
    for kind, what in (("sale", "a sales"), ("bank", "a bank")):
        if not destination.search_count("account.journal", [("type", "=", kind)]):
            yield f"there is no journal of type {kind}", f"create {what} journal under Accounting > Configuration > Journals"


def _products_accounts(store: StagingStore, target: TargetSpec, destination: Destination) -> Iterator[tuple[str, str]]:
    del store, target
    journals = destination.search_read("account.journal", [("type", "=", "sale")], ["default_account_id"])
    if journals and not any(journal["default_account_id"] for journal in journals):
        yield (
            "no sales journal has a default income account, so lines of products without one have no account",
            "set the default account of the sales journal under Accounting > Configuration > Journals",
        )


def _lock_dates(store: StagingStore, target: TargetSpec, destination: Destination) -> Iterator[tuple[str, str]]:
    known = destination.fields_get("res.company")
    fields = [name for name in _LOCKS if name in known]
    column = "invoice_date" if "invoice_date" in target.field_specs else "date"
    for company in destination.search_read("res.company", [], fields):
        for name in fields:
            if not company[name]:
                continue
            locked = date.fromisoformat(str(company[name])[:10])
            count = store.value(
                f"SELECT count(*) FROM {quote(f'staged.{target.table}')} WHERE {quote(column)}::DATE <= ?", [locked]
            )
            if count:
                yield (
                    f"{count} documents are dated on or before {locked}, which {name} closes",
                    f"lift {name} of the company under Accounting > Lock Dates for the load, and set it again after",
                )


def _decimal_precision(store: StagingStore, target: TargetSpec, destination: Destination) -> Iterator[tuple[str, str]]:
    digits = {r["name"]: r["digits"] for r in destination.search_read("decimal.precision", [], ["name", "digits"])}
    for column in [name for name in target.field_specs if name in _PRECISIONS]:
        name = next((n for n in _PRECISIONS[column] if n in digits), None)
        if name is None:
            continue
        value = f"{quote(column)}::DECIMAL(24, 6)"
        finer, needed = store.rows(
            f"""SELECT count(*), max(len(regexp_extract({value}::VARCHAR, '[.]([0-9]*?)0*$', 1)))
                FROM {quote(f"staged.{target.table}")} WHERE round({value}, {digits[name]}) <> {value}"""
        )[0]
        if finer:
            problem = f"{finer} lines have a {column} with more than {digits[name]} decimals, which Odoo would round"
            yield problem, f"set '{name}' to {needed} digits {_PRECISION_ADVICE}"


def _currency_rates(store: StagingStore, target: TargetSpec, destination: Destination) -> Iterator[tuple[str, str]]:
    company = {c["currency_id"] for c in destination.search_read("res.company", [], ["currency_id"])}
    codes = [row[0] for row in store.rows(f"SELECT DISTINCT name FROM {quote(f'staged.{target.table}')} ORDER BY 1")]
    found = destination.search_read("res.currency", [("name", "in", codes)], ["name"], context={"active_test": False})
    foreign = {record["id"]: record["name"] for record in found if record["id"] not in company}
    rated = {
        record["currency_id"]
        for record in destination.search_read("res.currency.rate", [("currency_id", "in", sorted(foreign))], ["currency_id"])
    }
    missing = sorted(name for odoo_id, name in foreign.items() if odoo_id not in rated)
    if missing:
        yield f"Odoo has no rates for {', '.join(missing)}", _RATE_ADVICE


_CHECKS: Mapping[str, Callable[[StagingStore, TargetSpec, Destination], Iterator[tuple[str, str]]]] = {
    "chart_of_accounts": _chart_of_accounts,
    "products_accounts": _products_accounts,
    "lock_dates": _lock_dates,
    "decimal_precision": _decimal_precision,
    "currency_rates": _currency_rates,
}
_OBSTACLES = frozenset({"chart_of_accounts", "products_accounts", "lock_dates"})
