"""Which assets of an environment wait directly for which: the chain people should see, without the shortcuts.

A model waits for every model it links to. Where one of them waits for another one already, the second edge says nothing
new, and with a dozen models such edges hide the chain (companies, leads, messages) they belong to.
"""

from __future__ import annotations

from crm_pipeline.migration.catalogue import Catalogue
from crm_pipeline.specs import TargetSpec


class LoadOrder:
    """Direct predecessors of every target."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._targets = catalogue.mapping.targets
        self._all: dict[str, set[str]] = {}
        for target in self._targets:
            linked = {other.model for other in catalogue.depends_on(target)}
            self._all[target.model] = linked.union(*(self._all.get(model, set()) for model in linked))
        self._linked = {target.model: {o.model for o in catalogue.depends_on(target)} for target in self._targets}

    def before(self, target: TargetSpec) -> list[TargetSpec]:
        """The targets this one waits for and no other of them does; empty for those that only wait for preflight."""
        linked = self._linked[target.model]
        implied: set[str] = set().union(*(self._all[model] for model in linked))
        return [other for other in self._targets if other.model in linked - implied]

    def last(self) -> list[TargetSpec]:
        """The targets no other one waits for."""
        waited_for: set[str] = set().union(*self._linked.values())
        return [target for target in self._targets if target.model not in waited_for]
