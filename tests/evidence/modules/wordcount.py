"""Words of documents, counted."""

from emitnb import Router

router = Router(home=__name__)

STOP = {"the", "a"}


@router.node("word", entry_point=True)
def words(msg):
    """Cut documents into words."""
    yield from msg.document.lower().split()


@router.node(
    {"word": str, "count": int},
    subscribe_to="words",
    key="word",
    when=lambda msg: msg.word not in STOP,
)
def count_word(msg, state):
    state["n"] = state.get("n", 0) + 1
    return msg.word, state["n"]


@router.node({"longest": str}, "words")
def longest(msg, state):
    if len(msg.word) <= len(state.get("word", "")):
        return None
    state["word"] = msg.word
    return msg.word
