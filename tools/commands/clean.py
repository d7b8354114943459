"""`make clean`: stop everything and remove all that was made."""

import shutil

from .. import postgres
from ..console import say
from ..settings import VAR
from . import stop


def main(arguments) -> None:
    """var/ holds everything, except the clusters when root's checkout is closed to other users."""
    stop.main([])
    postgres.remove_outside()
    shutil.rmtree(VAR, ignore_errors=True)
    say("Removed var/. Databases in a PostgreSQL of your own, and Debian packages, are yours to remove.")
