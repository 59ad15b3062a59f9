"""Odoo databases: destinations, identity, matching, loading. The only room that speaks HTTP and knows Odoo's ways."""
