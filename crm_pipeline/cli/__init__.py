"""``crm-pipeline``: the operations of the Dagster jobs, in-process, with progress for people and a result file for scripts."""

from crm_pipeline.cli import accepting, migrating, preparing, undoing
from crm_pipeline.cli.command import main

__all__ = ["accepting", "main", "migrating", "preparing", "undoing"]
