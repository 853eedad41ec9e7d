"""A graph leaves the notebook: its module, and tests of it."""
