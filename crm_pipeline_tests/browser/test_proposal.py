"""The review table of a proposed mapping in a real browser, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_pipeline.migration.proposing import propose_source
from crm_pipeline.settings import Settings
from crm_pipeline_tests.browser.chromium import Page, find_browser, open_browser
from crm_pipeline_tests.proposals.unseen_export import write_export

BROWSER = find_browser()
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine (CHROMIUM names another)")


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("review")
    write_export(root / "exports" / "nova" / "full")
    settings = Settings.load(root, {"CRM_PIPELINE_SPECS": str(root / "specs")})
    return propose_source(settings, "nova").page.as_uri()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    assert BROWSER is not None
    with open_browser(BROWSER, "--host-resolver-rules=MAP * ~NOTFOUND") as opened:
        yield opened


@pytest.mark.parametrize(("width", "phone"), [(1280, False), (390, True)])
def test_it_fits_the_screen_and_shows_column_field_and_why(page: Page, review: str, width: int, phone: bool) -> None:  # noqa: FBT001 - a parameter of the case
    page.requests.clear()
    page.resize(width, 900, phone=phone)
    page.open(review)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (page.requests, page.errors) == ([review], [])
    row = "[...document.querySelectorAll('table.map tr')].find(e => e.innerText.startsWith('Worth'))"
    text = page.evaluate(f"{row}.innerText")
    assert all(part in text for part in ("12,500.00", "expected_revenue", "crm.lead · Expected Revenue", " %", "means the same as"))
    assert page.evaluate(f"{row}.children[1].getBoundingClientRect().left") < width, "the field is on the screen beside its column"
