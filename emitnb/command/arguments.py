"""The command line of a module: its options, and what they ask for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitnb.backends import HOMES
from emitnb.command.data import add_data, given_data
from emitnb.command.helping import description, epilog
from emitnb.command.parameters import add_parameters, given_parameters
from emitnb.command.tables import FORMATS, Target, target_of
from emitnb.command.telling import known_characters
from emitnb.graph import Graph
from emitnb.sources.streams import FORMATS as INPUT_FORMATS
from emitnb.sources.streams import Format

STREAM = "-"
"""Standard input as a source, standard output as a target."""


@dataclass(frozen=True)
class Asked:
    """What a command line asks for. ``picture`` is ``graph``, ``dot``, ``svg`` or None."""

    sources: tuple[str, ...]
    output: Target
    failures: Target | None
    node: str | None
    backend: str | None
    address: str | None
    workers: int | None
    limit: int | None
    lines: bool
    field: str
    input_format: Format
    picture: str | None
    parameters: Mapping[str, Any]
    data: Mapping[str, Path]


class WrongUse(Exception):  # noqa: N818 - it is never seen
    """A command line that asks for what there is not."""


class _Parser(argparse.ArgumentParser):
    """Escapes what the terminal has no character for, where argparse would fail."""

    def _print_message(self, message: str, file: Any = None) -> None:
        out = file or sys.stderr
        encoding = getattr(out, "encoding", None) or "utf-8"
        super()._print_message(known_characters(message, encoding), out)


def program(namespace: Mapping[str, Any]) -> str:
    """Return the name of the command: the module's file."""
    return Path(str(namespace.get("__file__") or sys.argv[0])).name


def make_parser(
    graph: Graph,
    namespace: Mapping[str, Any],
    parameters: Mapping[str, str],
    data: Mapping[str, str],
) -> argparse.ArgumentParser:
    """Return the parser of a module's command line.

    Raises DeclarationError for a parameter that cannot be an option.
    """
    prog = program(namespace)
    parser = _Parser(
        prog=prog,
        usage="%(prog)s [options] SOURCE [SOURCE ...]",
        description=_verbatim(description(namespace)),
        epilog=_verbatim(epilog(graph, prog)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_sources(parser)
    _add_output(parser)
    _add_place(parser)
    _add_pictures(parser)
    if parameters:
        add_parameters(parser, namespace, parameters)
    if data:
        add_data(parser, data)
    return parser


def _verbatim(text: str) -> str:
    """Return a text that argparse shows as it is: it looks for ``%`` where it sees ``%(prog)``."""
    return text.replace("%", "%%") if "%(prog)" in text else text


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> Asked:
    """Return what a command line asks for; for a wrong one argparse says why, and exits with 2."""
    found = vars(parser.parse_intermixed_args(arguments))
    try:
        return _asked(found)
    except WrongUse as error:
        parser.error(str(error))


def _asked(found: Mapping[str, Any]) -> Asked:
    sources = tuple(found["sources"])
    picture = found["picture"]
    if picture is None:
        _check_sources(sources, found["input_format"], found["lines"])
    elif drawn := [source for source in sources if source.endswith((".svg", ".dot", ".gv"))]:
        raise WrongUse(f"{drawn[0]} would be read; to write it, say --{picture} -o {drawn[0]}")
    address, workers, backend = found["address"], found["workers"], found["backend"]
    if address is not None and workers is not None:
        raise WrongUse("--workers is for a cluster that starts here; the one at --address has its")
    if (address, workers) != (None, None):
        if backend == "memory":
            raise WrongUse("--address and --workers are for a cluster: --backend dask")
        backend = "dask"
    failures = found["failures"]
    if failures == STREAM:
        raise WrongUse("--failures needs a file: standard output is for the frame")
    output = found["output"]
    return Asked(
        sources=sources,
        output=_target(output, found["format"], picture),
        failures=None if failures is None else _target(failures, None, None),
        node=found["node"],
        backend=backend,
        address=address,
        workers=workers,
        limit=found["limit"],
        lines=found["lines"],
        field=found["field"],
        input_format=found["input_format"] or "lines",
        picture=picture,
        parameters=given_parameters(found),
        data=given_data(found),
    )


def _target(path: str, wanted: str | None, picture: str | None) -> Target:
    if picture is not None:
        return Target(None if path == STREAM else Path(path), "text")
    try:
        return target_of(None if path == STREAM else Path(path), wanted)
    except ValueError as error:
        raise WrongUse(str(error)) from error


def _check_sources(sources: Sequence[str], input_format: str | None, lines: bool) -> None:
    if not sources:
        raise WrongUse("there is no source; name files, or - for standard input")
    if STREAM in sources and len(sources) > 1:
        raise WrongUse("- (standard input) cannot be read together with other sources")
    if STREAM not in sources and input_format is not None:
        raise WrongUse("--input-format is for standard input (-); files have suffixes")
    if STREAM in sources and lines and input_format not in (None, "lines"):
        raise WrongUse("--lines and --input-format say different things of standard input")


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what goes in")
    group.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="a file or glob of .txt (one message a file), .csv (all values are text), .jsonl or "
        ".parquet, also .gz; "
        "or - for standard input. Several are read one after the other",
    )
    group.add_argument("--limit", type=_count, metavar="N", help="push at most N messages")
    group.add_argument("--lines", action="store_true", help="read files as text, a message a line")
    group.add_argument(
        "--field",
        default="document",
        help="the field that texts and plain values fill (default: document)",
    )
    group.add_argument(
        "--input-format",
        choices=INPUT_FORMATS,
        help="what comes from standard input (default: lines, a text each)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what comes out")
    group.add_argument(
        "-o",
        "--output",
        default=STREAM,
        metavar="PATH",
        help="the file to write, as a whole or not at all; - (the default) is standard output",
    )
    group.add_argument(
        "--node",
        metavar="NAME",
        help="the node whose frame is written (default: the one that no node listens to; where "
        "there are several, the frame of all nodes)",
    )
    group.add_argument(
        "--format",
        choices=FORMATS,
        help="default: by the suffix of PATH; csv for standard output. In CSV what is no plain "
        "value is JSON text",
    )
    group.add_argument(
        "--failures", metavar="PATH", help="the file for messages that failed (.jsonl keeps most)"
    )


def _add_place(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where nodes run")
    group.add_argument("--backend", choices=tuple(HOMES), help="default: as the module has it")
    group.add_argument("--address", help="of a dask scheduler, as tcp://scheduler:8786")
    group.add_argument(
        "--workers", type=_positive, metavar="N", help="processes of a dask cluster that runs here"
    )


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    title = parser.add_argument_group("the graph, without running anything")
    group = title.add_mutually_exclusive_group()
    for name, text in (("graph", "a tree of text"), ("dot", "DOT"), ("svg", "an SVG picture")):
        group.add_argument(
            f"--{name}",
            dest="picture",
            action="store_const",
            const=name,
            help=f"write it as {text}",
        )


def _count(text: str) -> int:
    return _number(text, 0)


def _positive(text: str) -> int:
    return _number(text, 1)


def _number(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
    return number
