"""What contexts may import of each other, for import-linter: by pattern, so that a new context is held to it as well.

A context is whatever has a folder of its name in ``domain/`` with a ``context.py``.
"""

from collections.abc import Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output

_KERNEL = "platform"
_FIRST = "market"


class ContextsContract(Contract):
    """The kernel imports no context, the first context no other one, and the API no implementation of activities."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        contexts = {name.split(".")[1] for name in graph.modules if _is_declaration(name)}
        broken = sorted(self._broken(graph, contexts))
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def _broken(self, graph: ImportGraph, contexts: set[str]) -> Iterator[str]:
        implementations = {
            module
            for module in graph.modules
            if module.startswith("activities.")
            and any(_is_signatures(used) for used in graph.find_modules_directly_imported_by(module))
        }
        for module in graph.modules:
            own = _context(module)
            for used in graph.find_modules_directly_imported_by(module):
                other = _context(used)
                if own == _KERNEL and other in contexts:
                    yield f"{module} is of the kernel and imports {used}"
                if own == _FIRST and other in contexts - {_FIRST}:
                    yield f"{module} imports {used} of another context"
                if module.startswith("api.") and used in implementations:
                    yield f"{module} imports {used}, which carries out activities"

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["broken"]:
            output.print_error(line)


def _is_declaration(module: str) -> bool:
    parts = module.split(".")
    return len(parts) == 3 and parts[0] == "domain" and parts[2] == "context"


def _is_signatures(module: str) -> bool:
    return module.startswith("activities.") and module.endswith("signatures")


def _context(module: str) -> str:
    """The second part of a module's name: the context, or the kernel."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""
