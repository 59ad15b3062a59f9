"""Records counted by group are those that counting one by one gives (17, 18, 19)."""

from __future__ import annotations

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.grouping import count_by
from crm_pipeline_tests.conformance.conftest import EVERY


def test_external_ids_are_counted_by_model_and_module(destination: Destination, unique: str) -> None:
    context = {**QUIET, "_import_current_module": unique}
    destination.create("res.partner", [{"id": f"{unique}.a", "name": "A", "active": False}, {"id": f"{unique}.b", "name": "B"}], context=context)
    models = ["res.partner", "res.currency", "crm.lead"]
    counted = count_by(destination, "ir.model.data", [("model", "in", models)], ["model", "module"])
    assert counted["res.partner", unique] == 2
    assert ("crm.lead", unique) not in counted
    for (model, module), count in counted.items():
        assert destination.search_count("ir.model.data", [("model", "=", model), ("module", "=", module)]) == count


def test_archived_records_are_counted_and_blank_values_are_a_group(destination: Destination, unique: str) -> None:
    destination.create("res.partner", [{"name": unique, "active": False, "city": "Graz"}, {"name": unique}, {"name": unique}], context=QUIET)
    domain = [("name", "=", unique)]
    assert count_by(destination, "res.partner", domain, ["city"]) == {("Graz",): 1, (False,): 2}
    assert destination.search_count("res.partner", domain, context=EVERY) == 3
