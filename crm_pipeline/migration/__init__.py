"""The operations of a migration, called by the command line and by Dagster alike."""
