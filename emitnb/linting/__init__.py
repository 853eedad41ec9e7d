"""Ruff over the cells of a notebook: it learns what the magics of emitnb define and read."""

from __future__ import annotations

from emitnb.linting.findings import Finding, lint

__all__ = ["Finding", "lint"]
