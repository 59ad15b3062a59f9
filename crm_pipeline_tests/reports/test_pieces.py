from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.reports.facts import CheckFact, duration_text, verdict
from crm_pipeline.reports.pictures import FATE_COLORS, FATE_MEANINGS, fate_bar
from crm_pipeline.reports.provenance import handling_text, origin_text
from crm_pipeline.reports.queues import harmless
from crm_pipeline.reports.rendering import _amount
from crm_pipeline.specs import FieldSpec
from crm_pipeline.verification.accounting import FATES


def test_every_fate_has_a_meaning_and_a_colour() -> None:
    assert set(FATE_MEANINGS) == set(FATE_COLORS) == set(FATES)


@given(st.dictionaries(st.sampled_from(FATES), st.integers(0, 10**9)))
def test_a_bar_shows_every_fate_that_occurs_and_fills_its_width(fates: dict[str, int]) -> None:
    bar = str(fate_bar(fates, "<leads>"))
    widths = [float(w) for w in re.findall(r'<rect x="[\d.]+" y="0" width="([\d.]+)"', bar)]
    assert len(widths) == sum(count > 0 for count in fates.values())
    assert not widths or abs(sum(widths) - 220) < 1
    assert "<leads>" not in bar


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15))
def test_amounts_keep_their_digits(amount: Any) -> None:
    text = f"{amount:.2f}"
    assert _amount(text).replace(",", "") == text


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (89, "89 s"), (600, "10 min"), (7260, "2 h 1 min"), (-1, "0 s")])
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize("text", ["=1+1", "+1 555", "-3", "@cmd", "\t=1"])
def test_cells_a_spreadsheet_would_calculate_are_defused(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("plain") == "plain"
    assert harmless(-3) == -3


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"from": "deal_name"}, "column deal_name"),
        ({"from": "body", "as": "sanitize_html"}, "column body, through sanitize_html"),
        ({"from": "value", "default": 0}, "column value; 0 where blank"),
        ({"const": True}, "always yes"),
        ({"const": None}, "always empty"),
        ({"sql": "a\n  || b"}, "expression a || b"),
        ({"xmlid": "base.group_user"}, "Odoo's own record base.group_user"),
        ({"map": {"column": "status", "values": {"A": "x"}}}, "column status, translated: A → x; anything else empty"),
        ({"lookup": {"reference": "country", "key": "code"}}, "looked up in Odoo (country) by code"),
        ({"refs": {"to": "tag", "key": ["t"]}}, "links to tag by t"),
        (
            {"ref": [{"to": "deals", "key": ["d"], "when": "x = 1"}, {"to": "users", "key": ["u"], "via": "partner_id"}]},
            "link to deals by d when x = 1, else to users by u (its partner_id)",
        ),
        ({"status": "ignored"}, "not migrated"),
    ],
)  # fmt: skip
def test_origins_in_words(spec: dict[str, Any], text: str) -> None:
    assert origin_text(FieldSpec.model_validate(spec)) == text


def test_handling_in_words() -> None:
    spec = FieldSpec.model_validate({"from": "x", "computed": True, "note": "because"})
    assert handling_text(spec) == "not sent: Odoo computes it, and the result is compared; because"
    assert handling_text(FieldSpec.model_validate({"from": "x"})) == ""


def check(*, passed: bool, severity: str = "ERROR", phase: str = "Verification") -> CheckFact:
    return CheckFact(phase, "a/b", "holds", passed=passed, severity=severity, blocking=True, message="", description="", rows=[])


@pytest.mark.parametrize(
    ("checks", "differences", "waiting", "state", "title"),
    [
        ([check(passed=True)], 0, 0, "good", "The migration is complete and proven"),
        ([check(passed=True), check(passed=False, severity="WARN")], 0, 1, "good", "The migration is proven; 1 row waits for people"),
        ([check(passed=True), check(passed=False)], 0, 0, "bad", "The migration is not complete"),
        ([check(passed=True)], 3, 0, "bad", "The migration is not complete"),
        ([check(passed=True, phase="Preflight")], 0, 0, "open", "The migration is not verified"),
    ],
)
def test_the_verdict_says_neither_more_nor_less_than_was_found(
    checks: list[CheckFact], differences: int, waiting: int, state: str, title: str
) -> None:
    found = verdict({"odoo_kind": "server"}, checks, differences, waiting)
    assert (found.state, found.title) == (state, title)
