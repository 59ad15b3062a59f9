"""``dagster dev`` as a newcomer starts it, seen in a browser: the graph tells the story, assets and checks say what they are."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline_tests.browser.chromium import end_group, find_browser, open_browser

BROWSER = find_browser()
PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine (CHROMIUM names another)")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running ``dagster dev`` in a folder with the project's own workspace and instance files."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("workspace.yaml", "dagster.yaml"):
        shutil.copy(PROJECT / name, folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environ = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME" and "PYTEST" not in name}
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "dagster", "dev", "-p", port], cwd=folder, start_new_session=True,
        env=environ | {"CRM_PIPELINE_DATA": str(folder / "data"), "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}/server_info", process)
        yield f"http://127.0.0.1:{port}"
        assert (folder / "data" / "dagster" / "history").is_dir(), "history is kept in the project, not in a temporary home"
    finally:
        end_group(process)


def _wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
                json.load(answer)
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    pytest.fail(f"dagster dev shows no page after {seconds:.0f} s (exit code {process.poll()})")


def test_the_graph_an_asset_and_its_checks_can_be_seen(address: str) -> None:
    assert BROWSER is not None
    with open_browser(BROWSER) as page:
        page.resize(1680, 1050)
        text = "document.body.innerText"
        page.open(f"{address}/asset-groups")
        for group in ("export", "staged", "sandbox", "production"):
            page.wait_for(f"{text}.includes('leadforce_{group}')", 60)
        page.open(f"{address}/assets/leadforce/sandbox/crm_lead")
        page.wait_for(f"{text}.includes('Leads become leads or opportunities by their status')", 60)
        page.wait_for(f"{text}.includes('link to contact by member.contact_key')")
        page.open(f"{address}/assets/leadforce/sandbox/crm_lead?view=checks")
        page.wait_for(f"{text}.includes('Every record was read back and every mapped field holds what was meant.')", 60)
        page.wait_for(f"{text}.includes('This is a blocking asset check')")
        page.open(f"{address}/jobs")
        page.wait_for(f"{text}.includes('leadforce_sandbox_migration')", 60)
