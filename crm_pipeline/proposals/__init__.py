"""The proposed map: an export nobody has described becomes mapping specs for people to confirm.

Files → drafts of objects → profiles of their columns → kinds of tables → readings of headings, weighed with what the
values say → keys and links → specs with ``status: proposed``. Nothing here loads anything.
"""
