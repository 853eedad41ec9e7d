"""The graph of a notebook with 1 node, exported by emitnb 0.1.0."""

import json
from collections import Counter as Bag
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
from emitnb import Router, run_command

router = Router(home=__name__)


@router.node({"n": float, "text": Any}, entry_point=True)
def down(msg):
    """Round down."""
    assert pd.notna(msg.n)
    return float(np.floor(msg.n)), json.dumps(OrderedDict(Bag("aab")))


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())

# Written by emitnb; sha256 of the text above: 42add5e8ef1579f382a1ff86a9e745e8d5e2fb5de43975d0c88f224e8c223e42
