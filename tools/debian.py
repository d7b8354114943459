"""Debian's packages: the system's own by apt-get (needs root), others downloaded and unpacked privately.

The private download has its own lists folder and its own sources, written from the address of the mirror that
the machine itself uses, so the system's apt configuration is neither changed nor needed to know that suite.
Signatures are checked against the system's debian-archive-keyring.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .console import Problem, run_logged, step, warn
from .settings import VAR

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SUITES = ("bookworm", "trixie", "sid")
DEBIAN_SUITES = {"bookworm", "trixie", "forky", "sid", "stable", "oldstable", "testing", "unstable"}
# program -> (package, what is lost without it)
PROGRAMS = {
    "wkhtmltopdf": ("wkhtmltopdf", "no PDF can be made"),
    "chromium": ("chromium", "no browser tests"),
    "pdftotext": ("poppler-utils", "tests cannot read the text of a PDF"),
}
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


def missing_packages() -> dict[str, str]:
    """The system packages that are not there: name -> what is lost without it."""
    missing = {package: loss for program, (package, loss) in PROGRAMS.items() if not shutil.which(program)}
    if not FONT.exists():
        missing["fonts-dejavu-core"] = "Cyrillic letters may be missing in PDFs"
    return missing


def ensure_system_packages() -> None:
    """Install what is missing as root; otherwise name it with the command that installs it."""
    missing = missing_packages()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        with step(f"Debian packages: {', '.join(missing)}"):
            apt_install(missing)
    for package, loss in missing_packages().items():
        warn(f"{package} is missing ({loss}). Install it: sudo apt-get install {package}")


def apt_install(packages) -> None:
    """apt-get install, one package at a time: one that a suite does not have must not stop the others."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        run_logged(["apt-get", "update"], "apt-update.log", env=environment)
    except Problem as problem:
        warn(str(problem))
    for package in packages:
        command = ["apt-get", "install", "--yes", "--no-install-recommends", package]
        try:
            run_logged(command, f"apt-{package}.log", env=environment)
        except Problem as problem:
            warn(str(problem))


def mirrors(apt_folder: Path = Path("/etc/apt")) -> list[str]:
    """The addresses of Debian mirrors in the machine's own apt configuration, in both of its formats."""
    found: list[str] = []
    for path in [apt_folder / "sources.list", *sorted((apt_folder / "sources.list.d").glob("*"))]:
        if path.suffix == ".sources" and path.is_file():
            found += _mirrors_of_deb822(path.read_text())
        elif path.suffix == ".list" and path.is_file():
            found += _mirrors_of_list(path.read_text())
    return list(dict.fromkeys(found))


def _mirrors_of_deb822(text: str) -> list[str]:
    """URIs of the enabled stanzas that offer Debian's own suites."""
    found = []
    for stanza in text.split("\n\n"):
        fields = _deb822_fields(stanza)
        enabled = fields.get("enabled", "yes").lower() not in ("no", "false", "0")
        wanted = "deb" in fields.get("types", "").split()
        suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
        if enabled and wanted and _is_debian(suites, components):
            found += [uri.rstrip("/") for uri in fields["uris"].split()]
    return found


def _deb822_fields(stanza: str) -> dict[str, str]:
    """`Name: value` lines, continued by indented ones; comments left out."""
    fields: dict[str, str] = {}
    for line in stanza.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0].isspace() and fields:
            fields[list(fields)[-1]] += " " + line.strip()
        else:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
    return fields


def _mirrors_of_list(text: str) -> list[str]:
    """URIs of `deb [options] URI suite component…` lines."""
    found = []
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if match and _is_debian([match[2]], match[3].split()):
            found.append(match[1].rstrip("/"))
    return found


def _is_debian(suites: list[str], components: list[str]) -> bool:
    """Debian's archive itself: neither its security archive nor another maker's repository."""
    return "main" in components and any(suite in DEBIAN_SUITES for suite in suites)


class PrivateApt:
    """apt-get with lists, cache and sources of its own under var/apt."""

    def __init__(self, folder: Path = VAR / "apt") -> None:
        self.folder = folder
        self.mirrors = mirrors()
        if not self.mirrors:
            raise Problem(
                "/etc/apt names no Debian mirror, where Odoo or what it links to could be had: "
                "give make run ODOO_HOME=folder"
            )

    def options(self) -> list[str]:
        """Where this apt keeps everything; the system's own stays untouched."""
        return [
            f"-oDir::Etc::SourceList={self.folder}/sources.list",
            "-oDir::Etc::SourceParts=/nonexistent",
            "-oDir::Etc::Preferences=/nonexistent",
            "-oDir::Etc::PreferencesParts=/nonexistent",
            f"-oDir::State::Lists={self.folder}/lists",
            f"-oDir::Cache={self.folder}/cache",
            "-oAPT::Sandbox::User=root",
            "-oAcquire::Languages=none",
        ]

    def update(self) -> None:
        """Fetch the lists of the suites we take packages from."""
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        signed = f" [signed-by={KEYRING}]" if KEYRING.exists() else ""
        lines = [f"deb{signed} {uri} {suite} main" for uri in self.mirrors for suite in SUITES]
        (self.folder / "sources.list").write_text("\n".join(lines) + "\n")
        try:
            run_logged(["apt-get", *self.options(), "update"], "apt-private-update.log")
        except Problem as problem:
            # One of several mirrors may lack a suite; whether it matters shows when a package is asked for.
            warn(f"apt-get update is not complete: {str(problem).splitlines()[0]}")

    def download(self, *packages: str) -> list[Path]:
        """The files of packages, each given as `name` or `name/suite`."""
        into = self.folder / "debs"
        into.mkdir(parents=True, exist_ok=True)
        names = [package.partition("/")[0] for package in packages]
        run_logged(["apt-get", *self.options(), "download", *packages], f"apt-{names[0]}.log", cwd=into)
        return [max(into.glob(f"{name}_*.deb"), key=lambda path: path.stat().st_mtime) for name in names]


def unpack(deb: Path, into: Path) -> None:
    """Unpack a package's files without installing it."""
    if not shutil.which("dpkg-deb"):
        raise Problem("dpkg-deb is missing: a .deb can be unpacked on Debian and its kin only")
    into.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg-deb", "-x", str(deb), str(into)], check=True)
