"""`make stop`: end what `make run` (or a test run that was cut off) has started; the data stays."""

from .. import postgres, processes
from ..console import say
from ..settings import RUN


def main(arguments) -> None:
    """Odoo first, then what it needs."""
    ended = [path.stem for path in sorted(RUN.glob("*.pid"), reverse=True) if processes.stop(path.stem)]
    ended += postgres.stop_all()
    say(f"Stopped: {', '.join(ended)}." if ended else "Nothing was running.")
