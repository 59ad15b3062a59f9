"""What an export holds and what its migration will take: profiles, compatibility, effort, and automations to rebuild.

Pure over the staging store's ``raw`` and ``typed`` tables and the mapping; nothing is written anywhere.
"""
