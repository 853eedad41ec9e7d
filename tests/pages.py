"""What a page in a browser has of the widgets of a kernel, without one: their comms, recorded.

Each message becomes bytes as a real kernel makes them, so what is no JSON fails here too.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
from comm.base_comm import BaseComm
from jupyter_client.session import json_packer, json_unpacker

from emitnb.notebook.live.counting import PER_NODE

PATIENCE = 30
"""Seconds after which a test fails rather than hangs."""


class Sent(NamedTuple):
    """One message from the kernel; ``traits`` are those that it opens or updates."""

    time: float
    comm_id: str
    kind: str
    traits: tuple[str, ...]


class Numbers(NamedTuple):
    """The ``stats`` of a widget, by names: of boxes, and of edges as (origin, node)."""

    version: float
    nodes: dict[str, dict[str, float]]
    edges: dict[tuple[str, str], float]


class Page:
    """The models of all widgets, as a page knows them, and all that was sent."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.answers: list[dict[str, Any]] = []
        self.sent: list[Sent] = []
        self.broken: Exception | None = None
        """What sending raises."""
        self._comms: dict[str, BaseComm] = {}
        self._changed = threading.Condition()

    def create_comm(self, **options: Any) -> BaseComm:
        """Open a comm: what takes the place of ``comm.create_comm``."""
        return _Comm(self, **options)

    def take(self, one: BaseComm, kind: str, data: Any, buffers: Any) -> None:
        """Take in a message."""
        if self.broken is not None:
            raise self.broken
        data = json_unpacker(json_packer(data or {}))
        state = data.get("state", {})
        for path, buffer in zip(data.get("buffer_paths", ()), buffers or (), strict=True):
            (name,) = path
            state[name] = bytes(buffer)
        with self._changed:
            self._comms[one.comm_id] = one
            self.sent.append(Sent(monotonic(), one.comm_id, kind, tuple(sorted(state))))
            self.models.setdefault(one.comm_id, {}).update(state)
            if data.get("method") == "custom":
                self.answers.append(data["content"])
            self._changed.notify_all()

    def send(self, widget: Any, content: Any) -> None:
        """Send what a view of a widget sends to the kernel: any JSON."""
        data = {"method": "custom", "content": json.loads(json.dumps(content))}
        self._comms[widget.model_id].handle_msg({"content": {"data": data}, "buffers": []})

    def ask(self, widget: Any, do: Any, **arguments: Any) -> dict[str, Any]:
        """Press a button; return the answer."""
        before = len(self.answers)
        self.send(widget, {**arguments, "id": f"ask-{before}", "do": do})
        (answer,) = self.answers[before:]
        assert answer["id"] == f"ask-{before}"
        return answer

    def updates(self, widget: Any) -> list[Sent]:
        """The updates of a widget that were sent, in order."""
        mine = [one for one in self.sent if one.comm_id == widget.model_id]
        return [one for one in mine if one.kind == "comm_msg" and one.traits]

    def model(self, widget: Any) -> dict[str, Any]:
        """What the page knows of a widget."""
        return self.models[widget.model_id]

    def numbers(self, widget: Any) -> Numbers:
        """What the page knows in numbers: they must be of the graph that it knows."""
        model = self.model(widget)
        graph, values = model["graph"], np.frombuffer(model["stats"], "<f8").tolist()
        names, width = [node["name"] for node in graph["nodes"]], len(PER_NODE)
        assert values[0] == graph["version"]
        assert len(values) == 2 + len(names) * width + len(graph["edges"])
        nodes = {
            name: dict(zip(PER_NODE, values[2 + place * width :], strict=False))
            for place, name in enumerate(names)
        }
        messages = values[2 + len(names) * width :]
        return Numbers(values[0], nodes, dict(zip(routes(graph), messages, strict=True)))

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is so; it is asked after each message."""
        with self._changed:
            assert self._changed.wait_for(reached, PATIENCE), "it never came"


class _Comm(BaseComm):
    def __init__(self, page: Page, **options: Any) -> None:
        self._page = page
        super().__init__(**options)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any
    ) -> None:
        self._page.take(self, msg_type, data, buffers)


def routes(graph: dict[str, Any]) -> list[tuple[str, str]]:
    """The edges of a graph on the wire: (origin, node); the origin may be a failure port."""
    names = [node["name"] for node in graph["nodes"]]
    return [
        (names[edge["from"]] + "!" * edge["port"], names[edge["to"]]) for edge in graph["edges"]
    ]


def publishers() -> list[threading.Thread]:
    """The threads of publishers that are alive."""
    return [one for one in threading.enumerate() if one.name == "emitnb-publisher"]
