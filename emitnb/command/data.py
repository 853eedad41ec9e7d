"""Data of a module that the command line names: ``prices = None`` is ``--prices PATH``."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emitnb.command.parameters import PREFIX, option_of
from emitnb.errors import DeclarationError

KINDS = ".parquet, .csv, .jsonl, .npy or .pkl"


def add_data(parser: argparse.ArgumentParser, data: Mapping[str, str]) -> None:
    """Add an option for each global that a file holds, with its help text.

    Raises DeclarationError, naming it, for one whose option there is already.
    """
    group = parser.add_argument_group("data of the module")
    for name, text in data.items():
        flag = option_of(name)
        try:
            group.add_argument(
                flag,
                dest=f"{PREFIX}{name}",
                default=argparse.SUPPRESS,
                type=read_data,
                metavar="PATH",
                help=text.replace("%", "%%"),
            )
        except argparse.ArgumentError as error:
            raise DeclarationError(
                f"the data {name} would be the option {flag}, which there is already "
                f"({error.message}); give it another name"
            ) from error


def missing_data(
    data: Mapping[str, str], given: Mapping[str, Any], namespace: Mapping[str, Any]
) -> str:
    """Return the options that must be given and are not, or ""."""
    missing = [name for name in data if name not in given and namespace.get(name) is None]
    return ", ".join(f"{option_of(name)} PATH" for name in missing)


def read_data(text: str) -> Any:
    """Return what a file holds; its suffix says how it is read."""
    import numpy as np
    import pandas as pd

    readers: dict[str, Any] = {
        ".parquet": pd.read_parquet,
        ".csv": pd.read_csv,
        ".jsonl": lambda path: pd.read_json(path, lines=True),
        ".npy": np.load,
        ".pkl": lambda path: pickle.loads(path.read_bytes()),
    }
    path = Path(text)
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise argparse.ArgumentTypeError(f"{path} has another suffix than {KINDS}")
    try:
        return reader(path)
    except Exception as error:  # of pandas, NumPy or pickle: whatever a broken file makes them do
        raise argparse.ArgumentTypeError(f"{path} cannot be read: {error}") from error
