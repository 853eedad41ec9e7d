"""The graph of a notebook with 1 node, exported by emitnb 0.1.0."""

from emitnb import Router, run_command

router = Router(home=__name__)

rate = 0.5
least = 1


def part(n):
    return n * rate


@router.node({"n": float}, entry_point=True, when=lambda msg: msg.n > least)
def parts(msg):
    return part(msg.n)


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(
        router,
        globals(),
        arguments,
        parameters={"least": "", "rate": "share of the words"},
    )


if __name__ == "__main__":
    raise SystemExit(main())

# Written by emitnb; sha256 of the text above: 19a69238024d26c70bc481d8146b0213836ccb747ef54ee6d54063f99bbef234
