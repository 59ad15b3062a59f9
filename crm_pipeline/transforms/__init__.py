"""Named pure transforms the mapping specs call: text, domains, companies, people, owners."""
