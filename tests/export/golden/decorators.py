"""The graph of a notebook with 1 node, exported by emitnb 0.1.0."""

from functools import wraps

from emitnb import Router, run_command

router = Router(home=__name__)

TIMES = 2


def loud(function):
    @wraps(function)
    def wrapper(*arguments):
        return function(*arguments).upper()

    return wrapper


def repeated(times):
    def decorate(function):
        @wraps(function)
        def wrapper(*arguments):
            return " ".join([function(*arguments)] * times)

        return wrapper

    return decorate


@repeated(times=TIMES)
@loud
def first(text):
    return text.split()[0]


@router.node("word", entry_point=True)
@repeated(2)
def words(msg):
    return first(msg.document)


def main(arguments: list[str] | None = None) -> int:
    """Push what the command line names through the graph; see --help."""
    return run_command(router, globals(), arguments)


if __name__ == "__main__":
    raise SystemExit(main())

# Written by emitnb; sha256 of the text above: 4543f7343fb89bbf59e928253e0c06e124afa3ca813b7ad4e5053aa59cf50f2b
