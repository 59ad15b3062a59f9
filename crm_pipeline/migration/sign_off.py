"""The customer's acceptance of a sandbox migration, and the lock on production that it opens.

A sign-off names the mapping (by its hash), the export (by its fingerprint) and the report that was read (by its
SHA-256). Production may run while the newest sign-off is one of the mapping in force; a changed mapping must be rehearsed
and signed again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from crm_pipeline.reports.facts import newest_run
from crm_pipeline.reports.spot_check import spot_check_state
from crm_pipeline.settings import DataRoot
from crm_pipeline.specs import Mapping
from crm_pipeline.staging.store import StagingStore

SIGN_OFF_FILE = "sign_off.json"
_SIGNER = re.compile(r"\s*[^<>@]*[^<>@\s][^<>@]*<[^<>@\s]+@[^<>@\s]+\.[^<>@\s]+>\s*")


@dataclass(frozen=True)
class SignOff:
    """Who accepted what, when. ``drawn`` and ``looked_at`` tell how far the spot check went."""

    env: str
    signed_by: str
    signed_at: datetime
    run_id: str
    drop: str
    fingerprint: str
    mapping_hash: str
    report_sha256: str
    odoo_kind: str
    odoo_version: str
    odoo_database: str
    drawn: int
    looked_at: int


class SignOffRefusedError(Exception):
    """The environment can't be signed off; ``missing`` says all that stands against it."""

    def __init__(self, env: str, missing: list[str]) -> None:
        self.missing = missing
        super().__init__(f"the {env} can't be signed off: {'; '.join(missing)}.")


def keep_report(store: StagingStore, data: DataRoot, env: str, run_id: str, path: Path, now: datetime) -> None:
    """Note a written report, so that a sign-off can name the very file."""
    inside = str(path.relative_to(data.path))
    store.execute("INSERT INTO ops.report VALUES (?, ?, ?, ?, ?)", [env, run_id, inside, _sha256(path), now])


def sign_off(store: StagingStore, mapping: Mapping, data: DataRoot, env: str, by: str, now: datetime) -> SignOff:
    """Record the acceptance of the newest run of an environment; a copy with the signed report lies beside the report.

    Args:
        store: the staging store.
        mapping: the mapping in force.
        data: where the reports are.
        env: the environment; sandbox.
        by: who signs, as ``Name <mail>``.
        now: the time, UTC.

    Raises:
        SignOffRefusedError: saying everything that stands against it.
    """
    run, missing = newest_run(store, env), _missing(store, mapping, env, by)
    report = store.rows("SELECT path, sha256 FROM ops.report WHERE env = ? ORDER BY built_at DESC LIMIT 1", [env])
    path = data.path / report[0][0] if report else None
    if path is None or not path.exists():
        missing.append("its report is not there; build it with 'report'")
    elif _sha256(path) != report[0][1]:
        missing.append(f"{path.name} is not as it was written; build it again with 'report', and read that")
    if missing or path is None:
        raise SignOffRefusedError(env, missing)
    check = spot_check_state(store, env)
    signed = SignOff(
        env=env, signed_by=by.strip(), signed_at=now, run_id=run["run_id"], drop=run["drop"], fingerprint=run["fingerprint"],
        mapping_hash=mapping.hash, report_sha256=report[0][1], odoo_kind=run["odoo_kind"], odoo_version=run["odoo_version"],
        odoo_database=run["odoo_database"], drawn=check.drawn, looked_at=check.looked_at,
    )  # fmt: skip
    values = asdict(signed)
    names = ", ".join(f'"{name}"' for name in values)
    store.execute(f"INSERT INTO ops.sign_off ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))
    folder = data.reports(mapping.name, env) / "signed"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"report-{signed.report_sha256[:12]}.html").write_bytes(path.read_bytes())
    (folder / SIGN_OFF_FILE).write_text(json.dumps(values, indent=2, default=str, ensure_ascii=False) + "\n", encoding="utf-8")
    return signed


def _missing(store: StagingStore, mapping: Mapping, env: str, by: str) -> list[str]:
    """What stands against signing, but for the report's file."""
    missing = []
    if not names_a_signer(by):
        missing.append(f"'{by}' does not say who signs; write \"Name <mail@company>\"")
    run = newest_run(store, env)
    if not run:
        return [*missing, "nothing has been migrated into it yet"]
    if run["ended_at"] is None:
        missing.append("its newest run has not ended; run it again to the end")
    if run["mapping_hash"] != mapping.hash:
        missing.append("the mapping was changed since it was migrated; migrate again with the mapping as it is now")
    failed = store.rows(
        """SELECT asset || ' ' || "check" FROM ops.check_result WHERE env IN (?, 'staging') AND NOT passed AND severity = 'ERROR'
           ORDER BY rowid""",
        [env],
    )
    if failed:
        missing.append(f"{len(failed)} checks failed, the first is {failed[0][0]}")
    verified = {model for (model,) in store.rows("SELECT model FROM ops.verified WHERE env = ?", [env])}
    skipped = {model for (model,) in store.rows("SELECT model FROM ops.preflight_model WHERE env = ? AND skipped", [env])}
    unverified = [t.model for t in mapping.targets if t.model not in verified | skipped]
    if unverified:
        missing.append(f"not verified in its newest run: {', '.join(unverified)}")
    wrong = spot_check_state(store, env).wrong
    if wrong:
        missing.append(f"{wrong} records of the spot check are marked wrong")
    return missing


def names_a_signer(by: str) -> bool:
    """Whether a text says who signs, as ``Name <mail@company>``."""
    return _SIGNER.fullmatch(by) is not None


def newest_sign_off(store: StagingStore, env: str = "sandbox") -> SignOff | None:
    """The newest sign-off of an environment."""
    names = ", ".join(f'"{name}"' for name in SignOff.__dataclass_fields__)
    found = store.rows(f"SELECT {names} FROM ops.sign_off WHERE env = ? ORDER BY signed_at DESC LIMIT 1", [env])
    return SignOff(*found[0]) if found else None


def missing_for_production(
    store: StagingStore, mapping: Mapping, *, real_server: bool, version: str | None = None
) -> list[str]:
    """What must be done before production may be written to; empty when it may.

    Args:
        store: the staging store.
        mapping: the mapping in force.
        real_server: whether production is a real Odoo server; a signed rehearsal opens only an embedded one.
        version: production's Odoo series, once known.
    """
    missing = []
    proposed = sorted({
        f"{target.model}.{name}"
        for target in mapping.targets for block in target.sources for name, spec in block.fields.items() if spec.status == "proposed"
    })  # fmt: skip
    if proposed:
        shown = ", ".join(proposed[:3]) + (f" and {len(proposed) - 3} more" if len(proposed) > 3 else "")
        missing.append(f"{len(proposed)} fields are proposed and not confirmed: {shown}")
    signed = newest_sign_off(store)
    if signed is None:
        missing.append("the sandbox migration has not been signed off (crm-pipeline sign-off)")
        return missing
    if signed.mapping_hash != mapping.hash:
        missing.append(
            f"the mapping was changed since {signed.signed_by} signed the sandbox off on {signed.signed_at:%Y-%m-%d}: migrate the sandbox "
            "again and have it signed again"
        )
    if real_server and signed.odoo_kind == "embedded":
        missing.append(
            "what was signed off is a rehearsal on the embedded destination; production is a real server, so migrate a real sandbox "
            "and have that signed off"
        )
    elif version is not None and version != signed.odoo_version:
        missing.append(f"the sandbox that was signed off is Odoo {signed.odoo_version}, production is {version}")
    return missing


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
