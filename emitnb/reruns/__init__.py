"""Running again what is recorded: failures that were mended, and what became stale."""

from emitnb.reruns.replay import Replay
from emitnb.reruns.retry import RetrySource, entries_of

__all__ = ["Replay", "RetrySource", "entries_of"]
