"""The documents of discovery in a real browser: what a customer sees on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline.migration.discovery import discover
from crm_pipeline.settings import Settings
from crm_pipeline_tests.browser.chromium import Page, find_browser, open_browser
from crm_pipeline_tests.migration.test_discovery import TRIGGERS
from crm_pipeline_tests.small_export import typical_export, write_csv

BROWSER = find_browser()
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine (CHROMIUM names another)")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The documents of an export in which something must be mended."""
    root = tmp_path_factory.mktemp("scope") / "data"
    folder = typical_export().write(root)
    write_csv(folder / "auto_triggers.csv", TRIGGERS)
    (folder / "activities.csv").write_bytes(b"")
    return discover(Settings.load(root, {}), "leadforce").documents


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    assert BROWSER is not None
    with open_browser(BROWSER, "--host-resolver-rules=MAP * ~NOTFOUND") as opened:
        yield opened


@pytest.mark.parametrize(("width", "phone"), [(1280, False), (390, True)])
@pytest.mark.parametrize(("kind", "title"), [("scope", "The migration can't begin with this export"), ("automations", "2 automations to rebuild by hand")])
def test_it_fits_the_screen_and_asks_for_nothing_else(
    page: Page, documents: dict[str, Path], kind: str, title: str, width: int, phone: bool  # noqa: FBT001 - a parameter of the case
) -> None:  # fmt: skip
    page.requests.clear()
    page.resize(width, 900, phone=phone)
    page.open(documents[kind].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.requests == [documents[kind].as_uri()]
    assert page.errors == []
    assert title in page.evaluate("document.querySelector('.verdict').innerText")
    overflowing = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert overflowing == []


def test_links_lead_to_sections_and_to_documents_beside_it(page: Page, documents: dict[str, Path]) -> None:
    for kind in ("scope", "automations"):
        page.open(documents[kind].as_uri())
        targets = page.evaluate("[...document.querySelectorAll('a')].map(e => e.getAttribute('href'))")
        missing = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].filter(e => !document.querySelector(e.getAttribute('href'))).length")
        assert missing == 0
        assert all((documents[kind].parent / target).is_file() for target in targets if not target.startswith("#"))
