"""Count the words of books.

Every word but those that are too short, 100% in lower case.
"""

import re

from emitnb import Router, run_command

router = Router(home=__name__)

least = 1
"""Letters a word has at least."""

STOP = {"the", "a"}


def clean(text):
    return re.sub(r"[^a-z ]", " ", text.lower())


@router.node("word", entry_point=True)
def words(msg):
    """Cut documents into words.

    Punctuation is left out.
    """
    for word in clean(msg.document).split():
        if len(word) >= least:
            yield word


@router.node(
    {"word": str, "count": int},
    subscribe_to="words",
    key="word",
    when=lambda msg: msg.word not in STOP,
)
def count_word(msg, state):
    """Count each word."""
    state["n"] = state.get("n", 0) + 1
    return msg.word, state["n"]


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments, parameters={"least": "letters of a word"})


if __name__ == "__main__":
    raise SystemExit(main())
