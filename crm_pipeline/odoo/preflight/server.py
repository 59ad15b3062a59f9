"""Which Odoo it is: facts, and what its version, edition, hosting and settings mean for the load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm_pipeline.odoo.preflight.findings import Fact, Finding, Verdict
from crm_pipeline.odoo.preflight.subject import Subject
from crm_pipeline.odoo.schemas import bundled_versions
from crm_pipeline.odoo.transport import OdooServer, is_hosted_by_odoo

#: The first version of the external API's successor, and what is known of the end of the older protocols (Odoo's own
#: documentation of 19.0 and 20.0; it said 20 before).
_FIRST_JSON2 = 19
_RPC_ENDS = "Odoo announces its removal for 22 (Odoo Online 21.1)"
_PROTOCOLS = {"json2": "JSON-2", "jsonrpc": "JSON-RPC", "xmlrpc": "XML-RPC"}


def facts(subject: Subject) -> tuple[Fact, ...]:
    """What people want to know about a destination before they load into it."""
    return (*_server(subject), *_people(subject), *_company(subject))


def _server(subject: Subject) -> Iterator[Fact]:
    odoo = subject.destination
    said = odoo.release.text if isinstance(odoo, OdooServer) else odoo.version
    yield Fact("Server", "Odoo", odoo.version if said == odoo.version else f"{odoo.version} ({said})")
    yield Fact("Server", "Edition", edition(subject))
    yield Fact("Server", "Database", odoo.database)
    if isinstance(odoo, OdooServer):
        yield Fact("Server", "Protocol", _PROTOCOLS[odoo.protocol])
        yield Fact("Server", "Hosting", "Odoo Online or Odoo.sh" if is_hosted_by_odoo(odoo.base_url or "") else "own server or partner")
    installed = [app for app in subject.apps.values() if app.is_installed]
    if installed:
        yield Fact("Server", "Modules installed", str(len(installed)))


def edition(subject: Subject) -> str:
    """Community, Enterprise, or the rehearsal."""
    odoo = subject.destination
    if not isinstance(odoo, OdooServer):
        return "embedded: a rehearsal, no Odoo server"
    web = subject.apps.get("web_enterprise")
    return "Enterprise" if odoo.release.is_enterprise or (web is not None and web.is_installed) else "Community"


def _people(subject: Subject) -> Iterator[Fact]:
    user = _user(subject)
    if user is not None:
        yield Fact("User", "Login", f"{user['login']} ({user['name']})")
        yield Fact("User", "Time zone", user["tz"] or "none set (UTC counts)")
    found = subject.read("res.lang", [("active", "=", True)], ["code"], archived=False)
    if found is not None:
        yield Fact("User", "Languages installed", ", ".join(sorted(r["code"] for r in found)))


def _company(subject: Subject) -> Iterator[Fact]:
    companies = subject.read("res.company", [], ["name", "currency_id", "country_id", "partner_id"]) or []
    user = _user(subject)
    mine = next((c for c in companies if user is not None and c["id"] == user["company_id"]), None)
    if mine is None:
        return
    yield Fact("Company", "Name", mine["name"] + (f", one of {len(companies)}" if len(companies) > 1 else ""))
    yield Fact("Company", "Currency", _label(subject, "res.currency", mine["currency_id"], "name"))
    yield Fact("Company", "Country", _label(subject, "res.country", mine["country_id"], "name"))
    partner = subject.read("res.partner", [("id", "=", mine["partner_id"])], ["tz"]) or []
    yield Fact("Company", "Time zone", (partner[0]["tz"] if partner else None) or "none set")


def _user(subject: Subject) -> dict[str, Any] | None:
    uid = subject.destination.call("res.users", "context_get").get("uid")
    found = subject.read("res.users", [("id", "=", uid)], ["login", "name", "tz", "company_id"])
    return found[0] if found else None


def _label(subject: Subject, model: str, key: int | bool, field: str) -> str:  # noqa: FBT001 - Odoo's False for none
    found = subject.read(model, [("id", "=", key)], [field]) if key else None
    return found[0][field] if found else "none set"


def version_supported(subject: Subject) -> Verdict:
    """The version is one whose behaviour the loader knows, or a newer one."""
    oldest = bundled_versions()[0]
    found = []
    if float(subject.destination.version) < float(oldest):
        found.append(
            Finding(
                f"Odoo {subject.destination.version}", f"is older than {oldest}, the oldest version the load was proven on",
                "upgrade the database first (Odoo's upgrade service, or OpenUpgrade), or migrate into a new one",
            )
        )  # fmt: skip
    return Verdict(tuple(found), f"Odoo {subject.destination.version}")


def destination_known(subject: Subject) -> Verdict:
    """Nothing about version, protocol or hosting is unusual."""
    return Verdict(tuple(_unusual(subject)), "version and protocol are known")


def _unusual(subject: Subject) -> Iterator[Finding]:
    odoo, known = subject.destination, bundled_versions()
    if float(odoo.version) > float(known[-1]):
        yield Finding(
            f"Odoo {odoo.version}", f"is newer than {known[-1]}, the newest version the load was proven on",
            "load a sandbox of this version first and look at every difference; fields are judged by its own live schema",
        )  # fmt: skip
    elif odoo.version not in known and float(odoo.version) >= float(known[0]):
        yield Finding(
            f"Odoo {odoo.version}", "is an intermediate version of Odoo Online, between those the load was proven on",
            "load a sandbox of the same version first; Odoo Online upgrades it by itself, so keep the time between the two short",
        )  # fmt: skip
    if not isinstance(odoo, OdooServer):
        return
    if subject.major >= _FIRST_JSON2 and odoo.protocol != "json2":
        yield Finding(
            _PROTOCOLS[odoo.protocol], f"is deprecated from Odoo {_FIRST_JSON2} on; {_RPC_ENDS}",
            "create an API key for the user (Preferences > Account Security), set it as API_KEY and PROTOCOL to auto",
        )  # fmt: skip
    if is_hosted_by_odoo(odoo.base_url or ""):
        yield Finding(
            odoo.base_url or "", "is hosted by Odoo; on Odoo Online the external API belongs to the Custom plan only, and "
            "requests are limited", "make sure that the plan of the production database is Custom, too, before it is cut over",
        )  # fmt: skip


def settings_fit(subject: Subject) -> Verdict:
    """The company's settings are those the export was made with. Which languages are installed changes nothing (17.0 to 19.0)."""
    return Verdict(tuple(_misfits(subject)), "currency and country of the company fit")


def _misfits(subject: Subject) -> Iterator[Finding]:
    companies = subject.read("res.company", [], ["name", "currency_id", "country_id"]) or []
    user, wanted = _user(subject), subject.mapping.source.account_currency
    mine = next((c for c in companies if user is not None and c["id"] == user["company_id"]), None)
    if mine is not None:
        currency = _label(subject, "res.currency", mine["currency_id"], "name")
        if currency != wanted:
            yield Finding(
                f"company {mine['name']}", f"keeps its books in {currency}, the account of {subject.mapping.source.label} in {wanted}",
                "if that is not meant so, set the company's currency before anything is posted, or account_currency in source.yaml; "
                "amounts keep the currency they were exported with",
            )  # fmt: skip
        if not mine["country_id"]:
            yield Finding(
                f"company {mine['name']}", "has no country", "set it under Settings > Companies: taxes and addresses follow it"
            )
        if len(companies) > 1:
            yield Finding(
                f"{len(companies)} companies", f"are in the database; what is loaded belongs to {mine['name']}, the user's own",
                "set the migration user's default company to the one that takes the records",
            )  # fmt: skip
