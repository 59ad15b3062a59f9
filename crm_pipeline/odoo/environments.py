"""From an environment's settings to its destination."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from crm_pipeline.odoo.embedded import EmbeddedOdoo
from crm_pipeline.odoo.errors import ConfigurationError
from crm_pipeline.odoo.schemas import bundled_versions
from crm_pipeline.odoo.transport import READ_TIMEOUT, ProtocolName, connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crm_pipeline.odoo.destination import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSettings:
    """Which database an environment is.

    Attributes:
        name: ``sandbox`` or ``production``.
        url: base URL of a real server; None means the embedded destination.
        db: database name.
        login: the migration user's login.
        api_key: API key or password; never in a repr.
        protocol: ``auto`` follows the server's version.
        version: series of an embedded destination; None means the newest bundled.
        embedded_path: file of the embedded destination.
    """

    name: Literal["sandbox", "production"]
    embedded_path: Path
    url: str | None = None
    db: str | None = None
    login: str | None = None
    api_key: str | None = field(default=None, repr=False)
    protocol: ProtocolName = "auto"
    version: str | None = None

    def __post_init__(self) -> None:
        given = {"URL": self.url, "DB": self.db, "LOGIN": self.login, "API_KEY": self.api_key}
        missing = [name for name, value in given.items() if not value]
        if missing and len(missing) < len(given):
            prefix = f"ODOO_{self.name.upper()}_"
            message = (
                f"{self.name} is half set: {', '.join(prefix + name for name in missing)} missing. "
                "Set all four for a real server, or none for the embedded one"
            )
            raise ConfigurationError(message)
        if self.protocol not in {"auto", "json2", "jsonrpc", "xmlrpc"}:
            message = f"ODOO_{self.name.upper()}_PROTOCOL is {self.protocol!r}: use auto, json2, jsonrpc or xmlrpc"
            raise ConfigurationError(message)

    @property
    def is_embedded(self) -> bool:
        """Whether this environment is the rehearsal store."""
        return not self.url


def open_destination(
    settings: EnvironmentSettings,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    read_timeout: float = READ_TIMEOUT,
) -> Destination:
    """Open the environment's database.

    Args:
        settings: which one.
        now: the clock of an embedded destination.
        read_timeout: seconds to wait for one answer of a real server.

    Raises:
        DestinationError: as :func:`~crm_pipeline.odoo.transport.connect` and
            :class:`~crm_pipeline.odoo.embedded.EmbeddedOdoo`.
    """
    if settings.url and settings.db and settings.login and settings.api_key:
        return connect(
            settings.url,
            settings.db,
            settings.login,
            settings.api_key,
            protocol=settings.protocol,
            read_timeout=read_timeout,
        )
    return EmbeddedOdoo(settings.embedded_path, settings.version or bundled_versions()[-1], now=now)
