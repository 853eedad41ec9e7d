"""The graph of a notebook with 1 node, exported by emitnb 0.1.0."""

from emitnb import Router, run_command

router = Router(home=__name__)

# What is left over at the ends.
EDGES = ".,"  # and no others


# Clean a text.
def clean(text):  # not None
    # first the ends
    text = text.strip(EDGES)

    # then the rest
    return text.lower()


# Cut documents.
@router.node("text", entry_point=True)
def tell(msg):  # one at a time
    """Tell it.

    With \\ and "quotes".
    """
    return clean(f"Text {msg.n}.")
    # the end


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())

# Written by emitnb; sha256 of the text above: d58ad1df190fcdb3f993946b0fd95c32160a9aca4ff0499a17c0cf03c7757cdb
