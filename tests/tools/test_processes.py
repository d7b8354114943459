"""Only what we have started is ended."""

import os

from tools import processes


def test_start_and_stop(tmp_path):
    pid = processes.start("sleeper", ["sleep", "60"], tmp_path, tmp_path / "log")
    assert processes.pid_of("sleeper", tmp_path) == pid
    assert processes.stop("sleeper", tmp_path)
    assert processes.pid_of("sleeper", tmp_path) is None
    assert not processes.stop("sleeper", tmp_path)


def test_a_reused_pid_is_not_ours(tmp_path):
    # As after a restart of the machine: the number is there, but the process began at another time.
    (tmp_path / "odoo.pid").write_text(f"{os.getpid()} 1\n")
    assert processes.pid_of("odoo", tmp_path) is None
    assert not processes.stop("odoo", tmp_path)


def test_a_stubborn_process_is_killed(tmp_path):
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    processes.start("stubborn", ["sh", "-c", script], tmp_path, tmp_path / "log")
    while (tmp_path / "log").read_text() != "ready\n":
        pass
    assert processes.stop("stubborn", tmp_path, patience=0.3)
    assert processes.pid_of("stubborn", tmp_path) is None
