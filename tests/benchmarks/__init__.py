"""Benchmarks: what emitnb costs, beside what it is compared with and the goal it was given.

``python -m tests.benchmarks`` measures everything, ``--only wordcount`` one group.
"""
