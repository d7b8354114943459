"""`make test-engine`: the engine's tests."""

from .. import stages


def main(arguments) -> int:
    """Milliseconds a test: nothing is started."""
    return stages.engine(*(arguments or ()))
