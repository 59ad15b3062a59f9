"""Migrates CRM exports into Odoo CRM: nothing lost, nothing duplicated, nothing guessed, and proof for every field."""
