"""What Odoo refuses to delete, what it leaves behind, and what it takes along: what a rollback stands on (ODOO_FACTS 14)."""

from __future__ import annotations

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline_tests.conformance.conftest import EVERY, Records


def there(destination: Destination, model: str, key: int) -> bool:
    return bool(destination.search_count(model, [["id", "=", key]], context=EVERY))


def test_a_template_goes_with_its_last_product(destination: Destination, odoo: Records, unique: str) -> None:
    product = odoo.new("product.product", name=unique)
    template = odoo.value("product.product", product, "product_tmpl_id")
    destination.unlink("product.product", [product], context=QUIET)
    assert not there(destination, "product.template", template)


def test_a_user_leaves_its_partner_which_could_not_go_before(destination: Destination, odoo: Records, unique: str) -> None:
    groups = "group_ids" if "group_ids" in destination.fields_get("res.users") else "groups_id"
    user = odoo.new("res.users", name=unique, login=unique, active=False, **{groups: [(6, 0, [odoo.ref("base.group_user")])]})
    partner = odoo.value("res.users", user, "partner_id")
    with pytest.raises(DataError):
        destination.unlink("res.partner", [partner], context=QUIET)
    destination.unlink("res.users", [user], context=QUIET)
    assert there(destination, "res.partner", partner)
    destination.unlink("res.partner", [partner], context=QUIET)


def test_an_order_is_unlocked_and_cancelled_before_it_goes(destination: Destination, odoo: Records, unique: str) -> None:
    order = odoo.new("sale.order", partner_id=odoo.new("res.partner", name=unique), state="sale", locked=True)
    with pytest.raises(DataError):
        destination.unlink("sale.order", [order], context=QUIET)
    with pytest.raises(DataError, match="locked"):
        destination.call("sale.order", "action_cancel", [order], context={**QUIET, "disable_cancel_warning": True})
    destination.call("sale.order", "action_unlock", [order], context=QUIET)
    asked = destination.call("sale.order", "action_cancel", [order], context=QUIET)
    assert isinstance(asked, dict) is (destination.version in {"17.0", "18.0"})
    assert odoo.value("sale.order", order, "state") == ("sale" if isinstance(asked, dict) else "cancel")
    destination.call("sale.order", "action_cancel", [order], context={**QUIET, "disable_cancel_warning": True})
    assert odoo.value("sale.order", order, "state") == "cancel"
    destination.unlink("sale.order", [order], context=QUIET)
    assert not there(destination, "sale.order", order)


def test_a_bank_journal_takes_its_methods_along_and_leaves_the_account_made_for_it(
    destination: Destination, odoo: Records, unique: str
) -> None:
    journal = odoo.new("account.journal", name=unique, type="bank", code=unique[-5:].upper())
    account = odoo.read("account.journal", journal, "default_account_id", "create_date")
    made = odoo.read("account.account", account["default_account_id"], "create_date")
    assert made["create_date"] == account["create_date"], "in the same transaction"
    lines = destination.search_read("account.payment.method.line", [["journal_id", "=", journal]], ["id"])
    assert lines
    destination.unlink("account.journal", [journal], context=QUIET)
    assert there(destination, "account.account", made["id"])
    assert not any(there(destination, "account.payment.method.line", line["id"]) for line in lines)
    destination.unlink("account.account", [made["id"]], context=QUIET)

