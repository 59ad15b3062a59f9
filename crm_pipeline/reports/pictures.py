"""Pictures of the report: inline SVG, so that nothing is fetched and everything prints."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup, escape

#: What each fate means, in the words of the report; also the order of the parts of a bar.
FATE_MEANINGS = {
    "loaded": "a record in Odoo stands for it",
    "merged": "its content is in another record",
    "excluded": "left out by a rule of the mapping",
    "duplicate": "an identical copy of another row",
    "queued": "waits for a decision",
    "quarantined": "set aside, with a reason",
}
FATE_COLORS = {
    "loaded": "#2f7d4f", "merged": "#6fb38a", "excluded": "#a9b4c0", "duplicate": "#cfd6dd", "queued": "#e0a526",
    "quarantined": "#c4472f",
}  # fmt: skip
_WIDTH, _HEIGHT = 220, 14


def fate_bar(fates: Mapping[str, int], label: str) -> Markup:
    """One object's rows as a bar of its fates; every fate that occurs stays visible however small its share."""
    total = sum(fates.values())
    present = [(fate, fates[fate]) for fate in FATE_MEANINGS if fates.get(fate)]
    if not total:
        return Markup('<span class="none">no rows</span>')
    smallest = 3.0
    shares = [max(count / total * _WIDTH, smallest) for _, count in present]
    scale = _WIDTH / sum(shares)
    parts, left = [], 0.0
    for (fate, count), share in zip(present, shares, strict=True):
        width = share * scale
        parts.append(
            Markup('<rect x="{:.1f}" y="0" width="{:.1f}" height="{}" fill="{}"><title>{}: {:,}</title></rect>').format(
                left, width, _HEIGHT, FATE_COLORS[fate], fate, count
            )
        )
        left += width
    said = ", ".join(f"{count:,} {fate}" for fate, count in present)
    head = Markup('<svg class="bar" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">').format(
        _WIDTH, _HEIGHT, escape(f"{label}: {said}")
    )
    return head + Markup("").join(parts) + Markup("</svg>")
