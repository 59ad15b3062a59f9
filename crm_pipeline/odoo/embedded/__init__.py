"""An embedded Odoo database for rehearsals: the real schemas and the measured behaviour, in one sqlite file."""

from crm_pipeline.odoo.embedded.destination import EmbeddedOdoo

__all__ = ["EmbeddedOdoo"]
