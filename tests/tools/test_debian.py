"""The mirror is found in the machine's own apt configuration, whichever of its formats that has."""

import pytest

from tools import debian

DEB822 = """\
# the default of a fresh installation
Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: bookworm
 bookworm-updates
Components: main contrib

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://off.example/debian
Suites: sid
Components: main
Enabled: no
"""
LINES = """\
# deb http://comment.example/debian bookworm main
deb [arch=amd64 signed-by=/a/key.gpg] https://mirror.example/debian stable main  # words
deb-src http://source.example/debian stable main
deb https://other.example/apt bookworm-vendor main
deb https://docker.example/linux bookworm stable
"""


@pytest.fixture
def apt(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_deb822(apt):
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert debian.mirrors(apt) == ["http://mirror.example/debian"]


def test_one_line_format(apt):
    (apt / "sources.list").write_text(LINES)
    assert debian.mirrors(apt) == ["https://mirror.example/debian"]


def test_the_same_mirror_is_named_once(apt):
    (apt / "sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    (apt / "sources.list.d" / "other.sources.disabled").write_text(DEB822.replace("mirror", "ignored"))
    assert debian.mirrors(apt) == ["http://mirror.example/debian"]


def test_no_configuration(apt):
    assert debian.mirrors(apt) == []
