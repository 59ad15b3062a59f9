"""The report in a real browser: what a customer sees on a desk, on a phone and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline_tests.browser.chromium import Page, find_browser, open_browser
from crm_pipeline_tests.conftest import migrate
from crm_pipeline_tests.small_export import typical_export

BROWSER = find_browser()
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine (CHROMIUM names another)")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report with open questions, which has every section."""
    root = tmp_path_factory.mktemp("report") / "data"
    typical_export().write(root)
    path = migrate(root).report
    assert path is not None
    return path.as_uri()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    assert BROWSER is not None
    with open_browser(BROWSER, "--host-resolver-rules=MAP * ~NOTFOUND") as opened:
        yield opened


@pytest.mark.parametrize(("width", "phone"), [(1280, False), (390, True)])
def test_it_fits_the_screen_and_asks_for_nothing_else(page: Page, report: str, width: int, phone: bool) -> None:  # noqa: FBT001 - a parameter of the case
    page.requests.clear()
    page.resize(width, 900, phone=phone)
    page.open(report)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.requests == [report]
    assert page.errors == []
    assert page.evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth") == "6px"
    assert "The rehearsal is not complete" in page.evaluate("document.querySelector('.verdict').innerText")


def test_wide_tables_scroll_inside_themselves_on_a_phone(page: Page, report: str) -> None:
    page.resize(390, 844, phone=True)
    page.open(report)
    overflowing = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && !e.closest('svg')"
        " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert overflowing == []


def test_the_bars_show_the_counts_of_their_rows(page: Page, report: str) -> None:
    page.resize(1280, 900)
    page.open(report)
    labels = page.evaluate("[...document.querySelectorAll('svg.bar')].map(e => e.getAttribute('aria-label'))")
    assert "leads: 2 merged, 3 queued, 1 quarantined" in labels
    shown = page.evaluate("[...document.querySelectorAll('svg.bar rect')].every(e => e.getBoundingClientRect().width >= 2)")
    assert shown, "every fate that occurs can be seen"


def test_details_open_and_print(page: Page, report: str, tmp_path: Path) -> None:
    page.resize(1280, 900)
    page.open(report)
    mapping = "[...document.querySelectorAll('details')].find(e => e.innerText.includes('crm.lead'))"
    assert page.evaluate(f"{mapping}.querySelector('table').checkVisibility()") is False
    page.evaluate(f"{mapping}.querySelector('summary').click()")
    assert page.evaluate(f"{mapping}.querySelector('table').checkVisibility()") is True
    paper = page.pdf()
    (tmp_path / "report.pdf").write_bytes(paper)
    assert paper.startswith(b"%PDF")
    assert paper.count(b"/Type /Page\n") >= 5, "the mapping and all checks are printed, though closed on the screen"
