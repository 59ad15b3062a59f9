"""Carry out the plan of a rollback, model after model; what is done is seen in Odoo, so it can be interrupted anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from crm_pipeline.odoo.creating import creation_of
from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.insisting import RetryPolicy
from crm_pipeline.odoo.ledger import Ledger
from crm_pipeline.odoo.rollback.census import take_census
from crm_pipeline.odoo.rollback.keeping import Reason
from crm_pipeline.odoo.rollback.plan import RollbackPlan
from crm_pipeline.odoo.rollback.relations import Item, Relations, parts
from crm_pipeline.odoo.rollback.restoring import Restoration, forget_touched, restore, set_back_ledger
from crm_pipeline.odoo.rollback.undoing import Undo
from crm_pipeline.specs import Mapping

#: Called with (model, records done, records in total).
Progress = Callable[[str, int, int], None]


@dataclass
class Done:
    """What was done.

    Attributes:
        deleted: records that are gone.
        refused: records Odoo refused to delete, with its words.
        restorations: values with their state afterwards.
    """

    deleted: int = 0
    refused: dict[Item, str] = field(default_factory=dict)
    restorations: list[Restoration] = field(default_factory=list)


def carry_out(
    mapping: Mapping, destination: Destination, ledger: Ledger, plan: RollbackPlan, retry: RetryPolicy,
    progress: Progress = lambda model, done, total: None,
) -> Done:  # fmt: skip
    """Delete and restore.

    Values of records of the migration that stay (going back to a run) are restored first, so that they no longer refer to what
    goes; values of records that were there before are restored last, when nothing of the migration needs them any more.

    Raises:
        DestinationError: when the destination stays out of reach or refuses the calls themselves; applying again goes on.
    """
    done, keeper = Done(), plan.keeper
    for target in mapping.targets:
        creation = creation_of(target, destination, ledger.module, ledger.run_id, retry) if target.load.create is not None else None
        if creation is not None:
            creation.fence.clear()
    resend = _resent(mapping)
    own = {(model, odoo_id) for model, names in keeper.census.names.items() for odoo_id in names}
    first = [each for each in plan.restorations if (each.model, each.odoo_id) in own]
    last = [each for each in plan.restorations if (each.model, each.odoo_id) not in own]
    done.restorations += restore(destination, first, retry, resend)
    going_all = {(model, odoo_id) for model, ids in plan.steps for odoo_id in ids}
    for model, ids in plan.steps:
        undo = Undo(destination, model, keeper.rules.of(model), retry)
        # what an earlier refusal needs was taken into the kept ones meanwhile
        going = [odoo_id for odoo_id in ids if (model, odoo_id) not in keeper.kept]
        undo.run(going, lambda count, total, model=model: progress(model, count, total))  # type: ignore[misc]
        refused = {(model, odoo_id): text for odoo_id, text in undo.refused.items()}
        done.refused |= refused
        keeper.keep({item: Reason("refused", None, text) for item, text in refused.items()})
        gone = [odoo_id for odoo_id in going if odoo_id not in undo.refused]
        done.deleted += len(gone)
        ledger.forget_records(model, gone)
    done.restorations += restore(destination, last, retry, resend)
    _sweep(destination, ledger, retry)
    store, env = ledger.store, ledger.env
    set_back_ledger(store, mapping, destination, env, [each for each in done.restorations if (each.model, each.odoo_id) in own])
    forget_touched(store, env, done.restorations, going_all - set(done.refused), plan.runs)
    return done


def _resent(mapping: Mapping) -> Callable[[str], tuple[str, ...]]:
    """Fields of a model that the mapping sends again after others, because Odoo changes them."""
    fields = {
        target.model: tuple(dict.fromkeys(name for block in target.sources for name, spec in block.fields.items() if spec.resend))
        for target in mapping.targets
    }
    return lambda model: fields.get(model, ())


def _sweep(destination: Destination, ledger: Ledger, retry: RetryPolicy) -> None:
    """Remove external ids whose record is gone: the database deletes lines with their order, and their ids stay."""
    census = take_census(destination, ledger.module, Relations(destination).models)
    for some in parts(census.dangling, 500):

        def attempt(some: list[int] = some) -> None:
            found = destination.search_read("ir.model.data", [("id", "in", some)], ["id"])
            if found:
                destination.unlink("ir.model.data", [record["id"] for record in found], context=QUIET)

        retry.insist("ir.model.data", attempt)
    ledger.keep_only({model: set(names.values()) for model, names in census.names.items()})
