"""The example walks one lead the whole way against a running server, as a newcomer would run it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_one_lead_goes_all_the_way(server, tmp_path):
    ran = subprocess.run(
        [
            sys.executable, str(ROOT / "examples/walkthrough.py"), "--url", server.url, "--db", server.db,
            "--mail-dir", str(server.mail_dir), "--out", str(tmp_path),
            *(word for user in ("admin", "leader", "rep") for word in (f"--{user}", _login(server, user))),
        ],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "The lead went all the way." in ran.stdout
    papers = sorted(tmp_path.glob("*.pdf"))
    assert len(papers) == 5, ran.stdout
    assert all(paper.read_bytes().startswith(b"%PDF") for paper in papers)


def _login(server, user):
    login = getattr(server, user)
    login = getattr(login, "login", login)
    return f"{login}:{server.passwords[login]}"
