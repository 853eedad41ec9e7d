"""Graphs in which many messages fail and failure ports are listened to, drawn at random.

Every node takes what is pushed, what others emit and what comes out of their ports alike. The
number in a message falls with each step, and with each time it failed, so that every loop ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from hypothesis import assume
from hypothesis import strategies as st
from model import Model, ModelNode, TooManyEmissions

NAMES = ("a", "b", "c", "d", "m.e")
FORMS = ("plain", "generator", "async", "state", "keyed", "batch")
PATTERNS = (".*!", ".*", "[ab]!?", "(?!a).*", "(b|c|m.e)!")
FEWEST_TO_GIVE_UP = 60
"""A batch node that fails on some more rows in a row gives up on the rest of its batch."""

numbers = st.lists(
    st.fixed_dictionaries({"n": st.sampled_from([4, 3, 5, 2, 6, 1]), "tag": st.integers(0, 2)}),
    min_size=1,
    max_size=6,
)


@dataclass(frozen=True)
class Failing:
    """A node that fails on numbers that leave ``rest`` when divided by ``modulus``."""

    name: str
    form: str
    subscribe_to: tuple[str, ...]
    ignore: tuple[str, ...]
    entry_point: bool
    key: str | None
    modulus: int
    rest: int

    def rows(self, values: Mapping[str, Any], count: int = 0) -> Iterator[tuple[int, int]]:
        """Yield what the node makes of a message's fields."""
        lost = 0
        while "n" not in values:
            values, lost = values["input"], lost + 1
        n, tag = int(values["n"]) - lost, int(values["tag"])
        if n <= 0:
            return
        if n % self.modulus == self.rest:
            raise ValueError(f"{self.name} got {n}")
        for _ in range(2 if self.form == "generator" and n % 2 else 1):
            yield n - 1, (tag * 10 + count) % 1_000

    def function(self) -> Callable[..., Any]:
        """Return the node's function of a message (and a state)."""

        def generator(msg: Any) -> Any:
            yield from self.rows(fields_of(msg))

        def plain(msg: Any) -> Any:
            return next(self.rows(fields_of(msg)), None)

        async def fetch(msg: Any) -> Any:
            await asyncio.sleep(0)
            return next(self.rows(fields_of(msg)), None)

        def remember(msg: Any, state: Any) -> Any:
            state["count"] = state.get("count", 0) * 3 + 1 + len(str(fields_of(msg)))
            return next(self.rows(fields_of(msg), state["count"]), None)

        forms = {"generator": generator, "async": fetch, "state": remember, "keyed": remember}
        return forms.get(self.form, plain)

    def frames(self) -> Callable[[pd.DataFrame], pd.DataFrame]:
        """Return the function of a batch node that does row by row what :meth:`function` does."""

        def frames(frame: pd.DataFrame) -> pd.DataFrame:
            made = [
                (place, *row)
                for place, values in zip(frame.index, frame.to_dict("records"), strict=True)
                for row in self.rows({k: v for k, v in values.items() if not missing(v)})
            ]
            table = pd.DataFrame(made, columns=["place", "n", "tag"]).astype("int64")
            return table.set_index("place")

        return frames

    def for_model(self) -> ModelNode:
        """Return the declaration as the model takes it."""
        return ModelNode(
            name=self.name,
            fields=("n", "tag"),
            function=self.function(),
            subscribe_to=self.subscribe_to,
            ignore=self.ignore,
            entry_point=self.entry_point,
            key=None if self.key is None else (self.key,),
            fresh=dict if self.form in ("state", "keyed") else None,
            types=(int, int),
        )

    def declare(self, router: Any) -> None:
        """Declare the node on a router."""
        decorate = router.node(
            {"n": int, "tag": int},
            self.subscribe_to or None,
            self.entry_point,
            self.ignore or None,
            name=self.name,
            key=self.key,
            batch=self.form == "batch",
        )
        decorate(self.frames() if self.form == "batch" else self.function())


def fields_of(msg: Any) -> Mapping[str, Any]:
    """The fields of a message, here or in the model."""
    values: Mapping[str, Any] = msg.as_dict() if hasattr(msg, "as_dict") else vars(msg)
    return values


def missing(value: Any) -> bool:
    """Whether pandas filled the value in where a message does not have the field."""
    return isinstance(value, float) and value != value


@st.composite
def failing_graphs(draw: st.DrawFn, keyed: bool = False) -> list[Failing]:
    """Draw the declarations of a graph; a node with a key listens to what has that field.

    ``keyed`` makes the second one such a node.
    """
    names = draw(st.permutations(NAMES))[: draw(st.integers(2, 5))]
    ports = [f"{name}!" for name in names]
    specs = []
    for number, name in enumerate(names):
        form = "keyed" if keyed and number == 1 else draw(st.sampled_from(FORMS))
        key = draw(st.sampled_from(["tag", "error"])) if form == "keyed" else None
        targets = {"tag": names, "error": ports}.get(key or "", [*names, *ports, *ports, *PATTERNS])
        origins = st.lists(st.sampled_from(targets), min_size=int(number > 0), max_size=3)
        modulus = draw(st.integers(2, 4))
        specs.append(
            Failing(
                name,
                form,
                tuple(draw(origins)),
                draw(st.sampled_from([(), (), ("b!",), ("a", "c!"), ("[cd]!",)])),
                key != "error" and (not number or draw(st.booleans())),
                key,
                modulus,
                draw(st.integers(0, modulus - 1)),
            )
        )
    assume(any(spec.entry_point for spec in specs))
    return specs


def declare(specs: list[Failing], router: Any) -> None:
    """Declare the nodes in order."""
    for spec in specs:
        spec.declare(router)


def model_of(specs: list[Failing], pushes: list[list[dict[str, Any]]]) -> Model:
    """Return a model of the graph after the pushes; give up what grows too large."""
    model = Model()
    for spec in specs:
        model.declare(spec.for_model())
    try:
        for pushed in pushes:
            model.push(pushed)
    except TooManyEmissions:
        assume(False)
    assume(len(model.failures) < FEWEST_TO_GIVE_UP)
    return model
