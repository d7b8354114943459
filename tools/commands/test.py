"""`make test`: every test from nothing; the last line counts them all."""

import shutil
import time

from .. import postgres, stages, templates
from ..console import Problem, say, warn
from ..settings import use_stand_ins


def main(arguments) -> int:
    """All stages run, whatever fails in one; then the sum."""
    begun = time.monotonic()
    use_stand_ins()
    shutil.rmtree(stages.RESULTS, ignore_errors=True)
    codes = [stages.provisioning(), stages.engine(), *_with_database()]
    say(f"\nAll stages took {(time.monotonic() - begun) / 60:.1f} minutes.")
    code = stages.sum_up()
    return code or max(codes)


def _with_database() -> list[int]:
    """The stages that need a database; when it cannot be made, that is a failed test."""
    try:
        server = postgres.server("test")
        templates.forget_ours(server)
        templates.both(server)
    except Problem as problem:
        warn(str(problem))
        return [stages.failed("templates", str(problem))]
    template = templates.with_addons(server, demo=False)
    others = stages.beside(
        "beside",
        lambda output: [stages.bridge_tests(server, template, output), stages.end_to_end(output=output)],
    )
    return [stages.addon_tests(server, template), *others()]
