"""The contract "Messages": immutable records with the fields as attributes."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import msgspec
import pytest

from emitnb import Message, Router


def received(base: type[Message] | None = None, **fields: Any) -> tuple[Any, Any]:
    """The message that an entry point and the one that its subscriber receives."""
    router = Router(base)
    seen = []

    @router.node(tuple(fields), entry_point=True, name="words")
    def words(msg: Any) -> Any:
        seen.append(msg)
        return msg.as_dict() if len(fields) > 1 else tuple(msg.as_dict().values())

    @router.node((), "words", name="listener")
    def listener(msg: Any) -> None:
        seen.append(msg)

    router.push(fields)
    pushed, emitted = seen
    return pushed, emitted


def test_messages_have_the_fields_as_attributes_and_their_origin():
    pushed, emitted = received(word="rain", n=2)
    assert (emitted.word, emitted.n, emitted._origin) == ("rain", 2, "words")
    assert (pushed.word, pushed._origin) == ("rain", "__entry_point")
    assert isinstance(emitted, Message)
    assert isinstance(emitted, msgspec.Struct)


def test_messages_are_immutable():
    _, message = received(word="rain", n=2)
    with pytest.raises(AttributeError, match="immutable"):
        message.word = "sun"
    with pytest.raises(AttributeError):
        del message.word
    with pytest.raises(AttributeError):
        message.other = 1
    assert message.as_dict() == {"word": "rain", "n": 2}


def test_messages_give_themselves_as_dict_which_is_a_copy_and_as_json():
    _, message = received(word="rain", n=[2, None])
    fields = message.as_dict()
    fields["word"] = "sun"
    assert message.word == "rain"
    assert list(message.as_dict()) == ["word", "n"]
    assert json.loads(message.as_json()) == {"word": "rain", "n": [2, None]}


def test_messages_compare_and_hash_by_origin_and_values():
    pushed, message = received(word="rain", n=2)
    _, same = received(word="rain", n=2)
    _, other = received(word="rain", n=3)
    assert message == same
    assert hash(message) == hash(same)
    assert message != other
    assert message != pushed
    assert len({message, same, other, pushed}) == 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(received(word=[])[1])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_messages_copy_and_pickle_to_equal_messages_of_the_same_type(protocol):
    _, message = received(word="rain", n={"a": [1]})
    for twin in (
        copy.copy(message),
        copy.deepcopy(message),
        pickle.loads(pickle.dumps(message, protocol)),
    ):
        assert twin == message
        assert type(twin) is type(message)
        assert twin._origin == "words"
    assert copy.deepcopy(message).n is not message.n


def test_messages_reading_a_missing_field_says_which_there_are():
    router = Router()

    @router.node(("word", "count"), entry_point=True, name="words")
    def words(msg: Any) -> Any:
        return msg.document, 1

    @router.node("n", "words", name="broken")
    def broken(msg: Any) -> Any:
        return msg.wrod

    router.push(["rain", "sun"])
    error = router.failures("broken")["error"][1]
    assert "words has the fields word, count" in error
    assert "Did you mean `word`?" in error
    with pytest.raises(AttributeError) as raised:
        broken(word="x", count=1)
    assert "word, count" in "".join(raised.value.__notes__)


def test_messages_may_have_a_class_of_the_users():
    _, message = received(Loud, word="rain")
    assert message.shout() == "RAIN!"
    assert isinstance(message, Loud)
    assert pickle.loads(pickle.dumps(message)) == message


class Loud(Message, frozen=True):
    def shout(self) -> str:
        return f"{self.word}!".upper()  # type: ignore[attr-defined] # fields come with the node
