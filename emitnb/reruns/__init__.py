"""Running again what is recorded: failures that were mended, and what became stale."""

from emitnb.reruns.diff import LAST, Difference, difference
from emitnb.reruns.replay import Replay, behind
from emitnb.reruns.retry import RetrySource

__all__ = ["LAST", "Difference", "Replay", "RetrySource", "behind", "difference"]
