"""Where the nodes of a session really run."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Placement:
    """Which provider runs which operators, read back from a session."""

    operators: dict[str, Counter[str]] = field(default_factory=dict)
    """Provider -> operator type -> number of nodes; empty where this ONNX Runtime is too old to tell."""

    def nodes(self, provider: str) -> int:
        """Number of nodes that `provider` runs."""
        return self.operators.get(provider, Counter()).total()

    def elsewhere(self, provider: str) -> Counter[str]:
        """Operators that run on any other provider than this one."""
        others = (count for name, count in self.operators.items() if name != provider)
        return sum(others, Counter())

    def counts(self) -> dict[str, int]:
        """Number of nodes per provider."""
        return {provider: count.total() for provider, count in self.operators.items()}


def read_placement(session: Any) -> Placement:
    """The placement of a session that was opened with `session.record_ep_graph_assignment_info`."""
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return Placement()
    operators: dict[str, Counter[str]] = {}
    for subgraph in session.get_provider_graph_assignment_info():
        count = operators.setdefault(subgraph.ep_name, Counter())
        count.update(node.op_type for node in subgraph.get_nodes())
    return Placement(operators)
