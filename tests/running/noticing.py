"""Tell somebody outside how far it is, and then wait for a signal.

The file of the parameter ``sign`` is made at the message ``wait``, which is never done with.
"""

import threading
from pathlib import Path

from emitnb import Router, run_command

router = Router(home=__name__)

sign = Path("sign")
seconds = None


@router.node({"line": str}, entry_point=True)
def notice(msg):
    """Hand on what comes in."""
    if msg.document == "wait":
        sign.touch()
        threading.Event().wait(None if seconds is None else float(seconds))
    return msg.document


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments, parameters={"sign": "the file", "seconds": ""})


if __name__ == "__main__":
    raise SystemExit(main())
