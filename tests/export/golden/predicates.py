"""The graph of a notebook with 4 nodes, exported by emitnb 0.1.0."""

from emitnb import Router, run_command

router = Router(home=__name__)

SHORT = 3

STOP = {"the", "in"}

LETTERS = "aeiou"


def is_stop(word):
    return word.lower() in STOP or len(word) < SHORT


@router.node("word", entry_point=True)
def words(msg):
    yield from msg.document.split()


@router.node(
    "word",
    subscribe_to="words",
    when=lambda msg: not is_stop(msg.word) and msg.word != "rain",
)
def long_words(msg):
    return msg.word


@router.node(
    "word",
    subscribe_to="words",
    when=lambda msg: msg.word != "the" and any(c in msg.word for c in LETTERS),
)
def others(msg):
    return msg.word


@router.node("word", subscribe_to="words", when=lambda msg: is_stop(msg.word))
def stops(msg):
    return msg.word


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())

# Written by emitnb; sha256 of the text above: 817f130eb461aa173a8377a511f9f28811d882bf1ac73d0ad6759f288bc87c88
