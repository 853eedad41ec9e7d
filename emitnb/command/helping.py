"""What ``--help`` says: the module's docstring, its nodes, and examples."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emitnb.graph import Graph
    from emitnb.node import Node

_LEAST = "Push data through the graph of this module, and write what a node emits."


def description(namespace: Mapping[str, Any]) -> str:
    """Return what stands above the options."""
    own = namespace.get("__doc__")
    return inspect.cleandoc(own) if isinstance(own, str) and own.strip() else _LEAST


def epilog(graph: Graph, prog: str) -> str:
    """Return what stands below the options: the nodes, and examples."""
    width = max(map(len, graph.nodes), default=0)
    lines = [
        f"  {name:<{width}}  {first_line(node)}".rstrip() for name, node in graph.nodes.items()
    ]
    nodes = "\n".join(["nodes:", *lines]) if lines else "nodes: none"
    node = list(graph.nodes)[-1] if graph.nodes else "NODE"
    examples = (
        f"python {prog} FILE ... --node {node} -o {node}.parquet",
        f"python {prog} FILE --format jsonl --limit 10",
        f"cat FILE | python {prog} - -o out.csv --failures failed.jsonl",
        f"python {prog} FILE ... --backend dask --address tcp://scheduler:8786",
        f"python {prog} --graph",
    )
    return "\n".join([nodes, "", "examples:", *(f"  {one}" for one in examples), "", _STATUS])


_STATUS = (
    "exit status: 0 all went well; 1 messages failed, or it could not be done; 2 wrong use;\n"
    "130 and 143 after Ctrl-C and SIGTERM, with what was committed by then written"
)


def first_line(node: Node) -> str:
    """Return the first line of the docstring of a node's function, "" without one."""
    function: Any = node.function
    while isinstance(function, functools.partial):
        function = function.func
    text = inspect.getdoc(function if inspect.isroutine(function) else type(function))
    return (text or "").strip().partition("\n")[0]
