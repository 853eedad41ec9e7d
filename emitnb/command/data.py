"""Data of a module as options: ``lookup`` is ``--lookup PATH``, read when the module runs."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emitnb.command.parameters import option_of
from emitnb.errors import DeclarationError, SourceError

PREFIX = "data "
"""Begins the names under which the parser keeps files of data: no option of ours has a blank."""

READERS: dict[str, Callable[[Path], Any]] = {
    ".parquet": pd.read_parquet,
    ".csv": pd.read_csv,
    ".jsonl": lambda path: pd.read_json(path, lines=True),
    ".npy": lambda path: np.load(path, allow_pickle=False),
    # The user's own file, named on the command line; nothing of this kind comes over a network.
    ".pkl": lambda path: pickle.loads(path.read_bytes()),
}


def add_data(parser: argparse.ArgumentParser, data: Mapping[str, str]) -> None:
    """Add an option for each name whose value is read from a file.

    Raises DeclarationError, naming it, for one whose option there is already.
    """
    group = parser.add_argument_group("data of the module")
    for name, text in data.items():
        flag = option_of(name)
        try:
            group.add_argument(flag, metavar="PATH", type=Path, help=text, dest=PREFIX + name)
        except argparse.ArgumentError as error:
            raise DeclarationError(
                f"{name} would be the option {flag}, which there is already ({error.message}); "
                "give it another name"
            ) from error


def given_data(parsed: Mapping[str, Any]) -> dict[str, Path]:
    """Return the files of data that the command line gave, by name."""
    return {
        name.removeprefix(PREFIX): path
        for name, path in parsed.items()
        if name.startswith(PREFIX) and path is not None
    }


def missing_data(data: Mapping[str, str], namespace: Mapping[str, Any]) -> list[str]:
    """Return the options that must be given: the module has no value of its own."""
    return [option_of(name) for name in data if namespace.get(name) is None]


def read_data(given: Mapping[str, Path], namespace: MutableMapping[str, Any]) -> None:
    """Read files into the names of the module; SourceError for one that cannot be read."""
    for name, path in given.items():
        reader = READERS.get(path.suffix)
        if reader is None:
            raise SourceError(
                f"{option_of(name)} {path}: its suffix is none of {' '.join(READERS)}"
            )
        try:
            namespace[name] = reader(path)
        except Exception as error:  # whatever a reader makes of a file that is not what it says
            raise SourceError(f"{option_of(name)} {path} cannot be read: {error}") from error
