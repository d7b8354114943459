"""The closing line of `make test` counts every test, and nothing that went wrong gets lost."""

import subprocess
from pathlib import Path

import pytest

from tools import stages

TESTS = """
import pytest
def test_good(): pass
def test_bad(): assert 1 == 2
@pytest.mark.skip(reason="{reason}")
def test_skipped(): pass
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "RESULTS", tmp_path / "results")
    return tmp_path


def run_stage(folder: Path, name: str, text: str) -> int:
    path = folder / f"test_{name}.py"
    path.write_text(text)
    return stages.pytest_stage(name, *stages.WITHOUT_ODOO, "-q", f"--rootdir={folder}", path)


def closing_line(capfd) -> str:
    capfd.readouterr()
    stages.sum_up()
    return capfd.readouterr().out.strip().splitlines()[-1]


def test_counts_all_stages(results, capfd):
    assert run_stage(results, "one", TESTS.format(reason="not here")) == 1
    assert run_stage(results, "two", "def test_fine(): pass") == 0
    assert "1 failed, 2 passed, 1 skipped" in closing_line(capfd)


def test_an_empty_stage_fails(results, capfd):
    assert run_stage(results, "empty", "") == 1
    assert "1 failed" in closing_line(capfd)


def test_a_crash_fails(results, capfd):
    assert run_stage(results, "crash", "import os\ndef test_a(): os._exit(3)") == 1
    assert "1 failed" in closing_line(capfd)


def test_an_error_while_collecting_fails(results, capfd):
    assert run_stage(results, "broken", "import nothing_of_that_name") == 1
    assert "failed" in closing_line(capfd)


def test_a_browser_test_may_not_skip_itself(results, capfd):
    assert run_stage(results, "tour", TESTS.format(reason="Chrome executable not found")) == 1
    assert "2 failed" in closing_line(capfd)


def test_the_sum_fails_when_a_test_has_failed(results, capfd):
    run_stage(results, "one", "def test_bad(): assert 1 == 2, 'the reason'")
    assert stages.sum_up() == 1
    assert "the reason" in capfd.readouterr().out


def test_the_sum_passes_when_all_pass(results):
    run_stage(results, "one", "def test_good(): pass")
    assert stages.sum_up() == 0


def test_ci_runs_make_test():
    text = (stages.ROOT / ".ci" / "run").read_text()
    assert "exec make test" in text
    assert subprocess.run(["sh", "-n", stages.ROOT / ".ci" / "run"]).returncode == 0
