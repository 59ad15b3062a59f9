"""The Dagster code location: ``dagster dev`` loads this."""

from crm_pipeline.orchestration import build_definitions
from crm_pipeline.settings import Settings

defs = build_definitions(Settings.load())
