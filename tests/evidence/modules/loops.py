"""A loop: numbers as Collatz has them, and a class that keeps a total."""

from collections import Counter

from emitnb import Router

router = Router()


@router.node({"n": int}, "collatz", entry_point=True, when=lambda msg: msg.n != 1, name="collatz")
def collatz(msg):
    return msg.n // 2 if msg.n % 2 == 0 else 3 * msg.n + 1


@router.node({"n": int, "times": int}, "collatz", name="visits")
class Visits:
    """How often a number was met."""

    def __call__(self, msg, state: Counter):
        state[msg.n] += 1
        return msg.n, state[msg.n]
