"""What tests of quotations, invoices and payments need: products, taxes, journals, documents and their lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination, LoadResult, Record
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import EVERY, Records

#: A context in which lines of confirmed orders leave no note.
SILENT = {**QUIET, "sale_no_log_for_new_lines": True}


@dataclass
class Documents:
    """Short ways to make and read documents; every name holds ``unique``."""

    destination: Destination
    odoo: Records
    unique: str

    @property
    def version(self) -> str:
        return self.destination.version

    @property
    def taxes(self) -> str:
        """The field with the taxes of an order line."""
        return "tax_ids" if self.version == "19.0" else "tax_id"

    @property
    def memo(self) -> str:
        """The field with a payment's memo."""
        return "ref" if self.version == "17.0" else "memo"

    @cached_property
    def partner(self) -> int:
        return self.odoo.new("res.partner", name=f"Customer {self.unique}")

    @cached_property
    def product(self) -> int:
        vals: Record = {
            "name": f"Product {self.unique}",
            "default_code": self.unique,
            "type": "consu",
            "taxes_id": [(6, 0, [])],
        }
        return self.odoo.new("product.product", **vals)

    @cached_property
    def journal(self) -> int:
        vals = {"name": f"Invoices {self.unique}", "type": "sale", "code": self.unique[-5:], "refund_sequence": False}
        return self.odoo.new("account.journal", **vals)

    @cached_property
    def bank(self) -> int:
        return self.odoo.new("account.journal", name=f"Bank {self.unique}", type="bank", code=self.unique[1:6])

    def tax(self, percent: float) -> int:
        return self.odoo.new("account.tax", name=f"{percent} {self.unique}", amount=percent, amount_type="percent")

    def currency(self, name: str, rate: float) -> int:
        """An active currency with a rate since 2000."""
        domain = [["name", "=", name]]
        (found,) = self.destination.search_read("res.currency", domain, ["active"], context=EVERY)
        key = int(found["id"])
        if not found["active"]:
            self.destination.write("res.currency", [key], {"active": True}, context=QUIET)
        if not self.destination.search_count("res.currency.rate", [["currency_id", "=", key]]):
            self.odoo.new("res.currency.rate", currency_id=key, name="2000-01-01", rate=rate)
        return key

    def pricelist(self, currency: int) -> int:
        return self.odoo.new("product.pricelist", name=self.unique, currency_id=currency, active=False)

    @cached_property
    def dollars(self) -> int:
        """An inactive pricelist in US dollars: new orders don't take it by themselves."""
        (found,) = self.destination.search_read("res.currency", [["name", "=", "USD"]], ["name"])
        return self.pricelist(int(found["id"]))

    def order(self, *lines: Record, context: dict[str, Any] | None = None, **vals: Any) -> int:
        made = {"partner_id": self.partner, "pricelist_id": self.dollars, "name": f"Q {self.unique}", **vals}
        made["order_line"] = [(0, 0, self.order_line(**line)) for line in lines]
        (key,) = self.destination.create("sale.order", [made], context=context or SILENT)
        return key

    def order_line(self, *, taxes: tuple[int, ...] = (), **vals: Any) -> Record:
        return {"product_id": self.product, "name": "line", "price_unit": 1, self.taxes: [(6, 0, list(taxes))], **vals}

    def invoice(self, *lines: Record, **vals: Any) -> int:
        """A draft; without lines one of 100."""
        made = {
            "move_type": "out_invoice", "journal_id": self.journal, "partner_id": self.partner,
            "invoice_date": "2020-03-04", "invoice_date_due": "2020-04-03", **vals,
        }  # fmt: skip
        if "invoice_line_ids" not in made:
            made["invoice_line_ids"] = [(0, 0, self.invoice_line(**line)) for line in lines or ({"price_unit": 100},)]
        return self.odoo.new("account.move", **{name: value for name, value in made.items() if value is not None})

    def invoice_line(self, *, taxes: tuple[int, ...] = (), **vals: Any) -> Record:
        return {"product_id": self.product, "name": "line", "price_unit": 1, "tax_ids": [(6, 0, list(taxes))], **vals}

    def posted(self, *lines: Record, **vals: Any) -> int:
        key = self.invoice(*lines, **vals)
        self.call("account.move", "action_post", key)
        return key

    def payment(self, amount: float = 100, **vals: Any) -> int:
        made = {
            "payment_type": "inbound", "partner_type": "customer", "partner_id": self.partner, "amount": amount,
            "date": "2020-03-20", "journal_id": self.bank, self.memo: "memo", **vals,
        }  # fmt: skip
        return self.odoo.new("account.payment", **made)

    def paid(self, amount: float = 100, **vals: Any) -> int:
        key = self.payment(amount, **vals)
        self.call("account.payment", "action_post", key)
        return key

    def entry(self, payment: int) -> int:
        return int(self.odoo.value("account.payment", payment, "move_id"))

    def lines(self, move: int, display_type: str, *fields: str) -> list[Record]:
        domain = [["move_id", "=", move], ["display_type", "=", display_type]]
        found = self.destination.search_read("account.move.line", domain, fields, order="id")
        return [{name: value for name, value in line.items() if name != "id" or "id" in fields} for line in found]

    def open_lines(self, *moves: int) -> list[int]:
        """What can be reconciled of some entries."""
        domain = [["move_id", "in", list(moves)], ["account_type", "=", "asset_receivable"], ["reconciled", "=", False]]
        return [line["id"] for line in self.destination.search_read("account.move.line", domain, ["name"], order="id")]

    def reconcile(self, *moves: int) -> None:
        self.call("account.move.line", "reconcile", *self.open_lines(*moves))

    def call(self, model: str, method: str, *ids: int) -> Any:
        return self.destination.call(model, method, ids=list(ids), context=QUIET)

    def load(self, model: str, fields: list[str], *rows: list[Any]) -> LoadResult:
        return self.destination.load(model, fields, rows, context=SILENT)

    def read(self, model: str, key: int, *fields: str) -> Record:
        """The fields without the id."""
        record = self.odoo.read(model, key, *fields)
        del record["id"]
        return record

    def refused(self, model: str, method: str, *ids: int) -> str:
        """How a method complains."""
        with pytest.raises(DataError) as refusal:
            self.call(model, method, *ids)
        return refusal.value.message


@pytest.fixture
def documents(destination: Destination, odoo: Records, unique: str) -> Documents:
    return Documents(destination, odoo, unique)
