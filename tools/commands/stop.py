"""`make stop`: end what `make run` (or a test run that was cut off) has started; the data stays."""

from .. import postgres, processes
from ..console import say
from ..settings import RUN, TEST


def main(arguments) -> None:
    """Odoo first, then what it needs."""
    found = sorted([*RUN.glob("*.pid"), *TEST.glob("*/*.pid")], reverse=True)
    ended = [path.stem for path in found if processes.stop(path.stem, path.parent)]
    ended += postgres.stop_all()
    say(f"Stopped: {', '.join(ended)}." if ended else "Nothing was running.")
