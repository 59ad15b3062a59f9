"""Markup the embedded destination knows to be clean is what the cleaner leaves of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.odoo.embedded.markup import Markup

_TEXT = st.sampled_from(["word", " ", "é · ü", "\n", "\t", "&amp;", "&lt;", "&gt;", "'\"", "😀", "<br>", "<br/>", "<br />"])
_EMPHASIS = st.builds(
    lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
    st.sampled_from(["b", "i", "u", "em", "strong"]), st.lists(_TEXT.filter(lambda text: not text.startswith("<br")), max_size=3),
)  # fmt: skip
_PARAGRAPHS = st.lists(st.builds(lambda parts: f"<p>{''.join(parts)}</p>", st.lists(_TEXT | _EMPHASIS, max_size=5)), min_size=1, max_size=3)


_ANYTHING = st.lists(st.sampled_from(["<p>", "</p>", "<b>", "</b>", "<i>", "</i>", "x", "&amp;", "&", "<br>"]), max_size=8).map(
    lambda parts: f"<p>{''.join(parts)}</p>"
)


@given(text=_PARAGRAPHS.map("".join) | _ANYTHING)
def test_paragraphs_are_kept_as_the_cleaner_leaves_them(text: str) -> None:
    """A comment goes, and with it no text is known to be clean before it was looked at."""
    markup = Markup(keeps_outer_div=True, keeps_data_attributes=False)
    assert markup.clean(text, "x.body") == markup.clean(f"{text}<!-- -->", "x.body")
