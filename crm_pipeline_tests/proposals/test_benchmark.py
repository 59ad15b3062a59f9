"""The quality of proposals is measured, and what ships is what was learnt."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.proposals import (
    PRECISION_TARGET,
    RECALL_TARGET,
    experience_of,
    gold,
    measure_crm,
    ratios,
    run,
    vocabulary_of,
)
from crm_pipeline.odoo.schemas import load_schema
from crm_pipeline.proposals.confidence import shipped_confidence
from crm_pipeline.proposals.vocabulary import KEY, NO_FIELD, general_vocabulary, learnt_terms


def test_the_shipped_terms_are_those_of_the_gold_mappings() -> None:
    assert learnt_terms() == vocabulary_of(tuple(gold())).learnt, "run: python -m benchmarks.proposals --learn"


def test_gold_mappings_name_fields_that_exist() -> None:
    schema, kinds = load_schema("18.0"), general_vocabulary().kinds
    wrong = [
        (crm, each.table, each.heading, says) for crm, headings in gold().items() for each in headings for says in each.says
        if says not in {KEY, NO_FIELD} and says not in schema[kinds[each.kind].model]
    ]  # fmt: skip
    assert wrong == []
    assert len(gold()) >= 6


def test_a_crm_never_seen_is_read_as_well_as_the_targets_ask() -> None:
    counts: Counter[str] = measure_crm("zoho")[0]
    figures = ratios(counts)
    assert figures["recall_at_3"] >= RECALL_TARGET
    assert figures["precision_sure"] >= PRECISION_TARGET


@pytest.mark.exhaustive
def test_all_crms_meet_the_targets_and_the_shipped_experience_is_current() -> None:
    found, wrong = run()
    assert found["all"]["recall_at_3"] >= RECALL_TARGET, wrong
    assert found["all"]["precision_sure"] >= PRECISION_TARGET, wrong
    assert shipped_confidence() == experience_of(tuple(gold())), "run: python -m benchmarks.proposals --learn"
