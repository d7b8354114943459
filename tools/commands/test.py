"""`make test`: every test from nothing; the last line counts them all."""

import shutil
import time

from .. import postgres, stages, templates
from ..console import Problem, say, step, warn
from ..settings import use_stand_ins


def main(arguments) -> int:
    """All stages run, whatever fails in one; then the sum."""
    begun = time.monotonic()
    use_stand_ins()
    shutil.rmtree(stages.RESULTS, ignore_errors=True)
    codes = _stages()
    say(f"\nAll stages took {(time.monotonic() - begun) / 60:.1f} minutes.")
    code = stages.sum_up()
    return code or max(codes)


def _stages() -> list[int]:
    """The add-on's tests on one core, all others on the other."""
    try:
        server = postgres.server("test")
        templates.forget_ours(server)
        plain, demo = templates.both(server)
    except Problem as problem:
        return [_no_database(problem), stages.engine(), stages.provisioning()]
    others = stages.beside("beside", lambda output: _others(server, plain, demo, output))
    return [_addon_tests(server, plain), *others()]


def _addon_tests(server, plain) -> int:
    try:
        with step("Template database without demo data"):
            template = plain.result()
    except Problem as problem:
        return _no_database(problem)
    return stages.addon_tests(server, template)


def _others(server, plain, demo, output) -> list[int]:
    """What needs the template that takes longest comes first: the rest fills the time that is left."""
    try:
        demo.result()
        codes = [stages.end_to_end(output=output), stages.bridge_tests(server, plain.result(), output)]
    except Problem as problem:
        codes = [_no_database(problem)]
    return [*codes, stages.engine(output=output), stages.provisioning(output=output)]


def _no_database(problem) -> int:
    """When no database can be made, that is a failed test."""
    warn(str(problem))
    return stages.failed("templates", str(problem))
