"""Which files a path or glob stands for, and what is in them by their names."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from emitnb.errors import SourceError, did_you_mean

TEXT, CSV, JSON, PARQUET = "text", "csv", "json", "parquet"

_KINDS = {
    ".txt": TEXT,
    ".csv": CSV,
    ".jsonl": JSON,
    ".ndjson": JSON,
    ".parquet": PARQUET,
}


def find_files(source: str | Path) -> list[Path]:
    """Return the files that a path or glob stands for, sorted; at least one.

    Raises SourceError, naming the folder looked in and close names, where there is none.
    """
    # Path.expanduser raises for a `~name` of nobody; here that is a name like any other.
    text = os.path.expanduser(source)  # noqa: PTH111
    if text and _is_there(text):
        if Path(text).is_dir():
            raise SourceError(_folder_problem(Path(text)))
        return [Path(text)]
    files = sorted(path for path in _matches(text) if path.is_file())
    if not files:
        raise SourceError(_nothing_found(text))
    return files


def kind_of(path: Path) -> str:
    """Return how to read a file, by its suffix; raise SourceError for one that is not known.

    >>> kind_of(Path("old/words.JSONL.gz"))
    'json'
    """
    plain = path.with_suffix("") if is_gzip(path) else path
    kind = _KINDS.get(plain.suffix.lower())
    if kind is None or (kind == PARQUET and is_gzip(path)):
        raise SourceError(
            f"{path}: its suffix does not tell how to read it. emitnb reads {', '.join(_KINDS)}, "
            "and all but .parquet with .gz after it. With lines=True (--lines) any file is read "
            "as lines of text; or read it yourself and push the rows"
        )
    return kind


def is_gzip(path: Path) -> bool:
    """Whether the name says that the file is compressed with gzip."""
    return path.suffix.lower() == ".gz"


def _is_there(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        # Too long for a name, for instance: a text given for a path.
        return False


def _matches(text: str) -> list[Path]:
    if not glob.has_magic(text) or "\n" in text or "\0" in text:
        return []
    # Path.glob takes no absolute pattern, and lets `*` match hidden files.
    return [Path(name) for name in glob.glob(text, recursive=True)]  # noqa: PTH207


def _folder_problem(folder: Path) -> str:
    suffixes = [name.suffix for name in _listed(folder) if name.suffix.lower() in _KINDS]
    files = folder / "*"
    if suffixes:
        return f"{folder} is a folder; push the files in it: {files}{suffixes[0]}"
    return (
        f"{folder} is a folder, with no file of a suffix that emitnb reads ({', '.join(_KINDS)}); "
        f"push {files} with lines=True (--lines), to read all as lines of text"
    )


def _nothing_found(text: str) -> str:
    path = Path(text)
    above = [parent for parent in path.parents if not glob.has_magic(str(parent))]
    folder = next((parent for parent in above if _is_there(str(parent))), Path())
    missing = path.parts[len(folder.parts) :][:1]
    close = "".join(did_you_mean(name, [file.name for file in _listed(folder)]) for name in missing)
    shown = repr(text) if len(text) <= 200 else f"{text[:80]!r}…"
    what = "no file matches" if glob.has_magic(text) else "there is no such file"
    advice = ""
    if not text or any(map(str.isspace, text)):
        advice = " A string is always a path, never text: to push text, push a list, [text]."
    return f"{shown}: {what}; looked in {folder.absolute()}.{close}{advice}"


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
