"""Find Odoo 19: one that is there, else a given .deb, else Debian's package; and make it importable."""

import json
import os
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from .console import Problem, run_logged, say, step, warn
from .debian import PrivateApt, unpack
from .settings import ODOO_VERSION, RUN, UNPACKED, VAR, VENV, VENV_ODOO, VENV_PYTHON

# What the package links to. Font Awesome must be 4.7, which bookworm has; Montserrat came with trixie.
LINKED = (
    "libjs-jquery/bookworm",
    "libjs-jquery-form/bookworm",
    "libjs-underscore/bookworm",
    "fonts-font-awesome/bookworm",
    "fonts-inconsolata/bookworm",
    "fonts-ocr-b/bookworm",
    "fonts-roboto-unhinted/bookworm",
    "fonts-montserrat/trixie",
)
# Without these no page of Odoo opens; without the others a font is missing.
NEEDED = ("libjs-jquery", "fonts-font-awesome")
SELFIE = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"
SELFIE_PACKAGE = "@mediapipe/selfie_segmentation"


@dataclass(frozen=True)
class Odoo:
    """An Odoo: the folder that goes on Python's path, its add-ons, and where it came from."""

    python_path: Path
    addons: tuple[Path, ...]
    origin: str

    @classmethod
    def at(cls, folder: Path, origin: str) -> "Odoo | None":
        """The Odoo whose `odoo` package lies in this folder, or None."""
        if not (folder / "odoo" / "release.py").is_file():
            return None
        candidates = (folder / "addons", folder / "odoo" / "addons")
        return cls(
            folder,
            tuple(path for path in candidates if (path / "base").is_dir() or _has_addons(path)),
            origin,
        )

    def version(self) -> str:
        """`19.0`, read from release.py without running it."""
        text = (self.python_path / "odoo" / "release.py").read_text()
        match = re.search(r"^version_info\s*=\s*\((\d+),\s*(\d+)", text, re.MULTILINE)
        return f"{match[1]}.{match[2]}" if match else "?"


def _has_addons(folder: Path) -> bool:
    return (folder / "web" / "__manifest__.py").is_file()


def find_or_fetch() -> Odoo:
    """The Odoo to use, in the order: existing, given package, Debian's package."""
    odoo = _existing() or _unpacked()
    if odoo.version() != ODOO_VERSION:
        raise Problem(f"{odoo.origin} is Odoo {odoo.version()}, but {ODOO_VERSION} is needed")
    return odoo


def _existing() -> Odoo | None:
    """ODOO_HOME, which must be right if given, or an `odoo` command of the right version."""
    if home := os.environ.get("ODOO_HOME"):
        odoo = Odoo.at(Path(home).expanduser().resolve(), f"ODOO_HOME={home}")
        if not odoo:
            raise Problem(f"ODOO_HOME={home} holds no odoo/release.py: give the folder that holds odoo-bin")
        return odoo
    if os.environ.get("ODOO_DEB"):
        return None
    for name in ("odoo", "odoo-bin"):
        command = shutil.which(name)
        odoo = _behind_command(Path(command)) if command and VENV not in Path(command).parents else None
        if odoo and odoo.version() == ODOO_VERSION:
            return odoo
    return None


def _behind_command(command: Path) -> Odoo | None:
    """Where an `odoo` command takes its code from: beside it, or what its Python imports."""
    real = command.resolve()
    if odoo := Odoo.at(real.parent, str(command)):
        return odoo
    first = real.open(errors="replace").readline()
    if not first.startswith("#!"):
        return None
    python = first[2:].split()
    code = "import odoo, os; print(os.path.dirname(os.path.dirname(odoo.release.__file__)))"
    done = subprocess.run([*python, "-c", code], capture_output=True, text=True)
    return Odoo.at(Path(done.stdout.strip()), str(command)) if done.returncode == 0 else None


def _unpacked() -> Odoo:
    """The package unpacked in var/odoo, made now unless it is there."""
    source = os.environ.get("ODOO_DEB", "Debian")
    stamp = UNPACKED / "source.json"
    packages = UNPACKED / "usr" / "lib" / "python3" / "dist-packages"
    # A package that is unpacked stays until another one is given.
    if not stamp.exists() or ("ODOO_DEB" in os.environ and json.loads(stamp.read_text()) != source):
        shutil.rmtree(UNPACKED, ignore_errors=True)
        _unpack_all()
        _add_selfie_segmentation(packages / "odoo" / "addons")
        stamp.write_text(json.dumps(source))
    odoo = Odoo.at(packages, f"Debian's package in {UNPACKED.relative_to(VAR.parent)}")
    if not odoo:
        raise Problem(f"{source} unpacked to {UNPACKED}, but there is no Odoo in it")
    return odoo


def _unpack_all() -> None:
    """Odoo's package and those its files link to."""
    apt = PrivateApt()
    with step("Debian's package lists (a private copy)"):
        apt.update()
    if given := os.environ.get("ODOO_DEB"):
        deb = Path(given).expanduser()
        if not deb.is_file():
            raise Problem(f"ODOO_DEB={given}: there is no such file")
    else:
        with step("Downloading Odoo 19 from Debian (120 MB)"):
            deb = _download_odoo(apt)
    with step(f"Unpacking {deb.name}"):
        unpack(deb, UNPACKED)
    with step("Libraries and fonts Odoo links to"):
        _unpack_linked(apt)


def _download_odoo(apt: PrivateApt) -> Path:
    try:
        return apt.download("odoo-19/sid")[0]
    except Problem as problem:
        raise Problem(
            f"{problem}\nOdoo 19 was looked for as ODOO_HOME, as a command odoo or odoo-bin, as ODOO_DEB, "
            "and as the package odoo-19 of Debian's suite sid at the mirrors of /etc/apt. Give one: "
            "make run ODOO_HOME=folder, or make run ODOO_DEB=file.deb"
        ) from None


def _unpack_linked(apt: PrivateApt) -> None:
    """The linked packages in one go; if that fails one by one, to do without those that may be missing."""
    try:
        debs = apt.download(*LINKED)
    except Problem:
        debs = [deb for package in LINKED if (deb := _linked(apt, package))]
    for deb in debs:
        unpack(deb, UNPACKED)


def _linked(apt: PrivateApt, package: str) -> Path | None:
    """One linked package; from any suite when the wished one does not have it."""
    name = package.partition("/")[0]
    for attempt in (package, name):
        try:
            return apt.download(attempt)[0]
        except Problem as problem:
            reason = problem
    if name in NEEDED:
        raise reason
    warn(f"{name} could not be had: some pages lack a font. {reason}")
    return None


def _add_selfie_segmentation(addons: Path) -> None:
    """Debian leaves this file out, and the browser then logs an error on every page of the backend."""
    target = addons / SELFIE
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.which("npm"):
        try:
            with step(f"{SELFIE_PACKAGE} from npm"):
                target.write_bytes(_from_npm(SELFIE_PACKAGE, target.name))
            return
        except (Problem, OSError, tarfile.TarError, KeyError) as problem:
            warn(str(problem))
    warn(f"without npm's {SELFIE_PACKAGE} video calls cannot blur the background; an empty stand-in is used")
    target.write_text("/* stand-in: the real file is in npm's package @mediapipe/selfie_segmentation */\n")


def _from_npm(package: str, name: str) -> bytes:
    """One file of an npm package, fetched by npm itself, so from the registry the machine is set up for."""
    folder = RUN / "npm"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run_logged(["npm", "pack", package], "npm-pack.log", cwd=folder)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return archive.extractfile(f"package/{name}").read()


def put_on_path(odoo: Odoo) -> None:
    """Make `import odoo` and the command `odoo` of our environment mean this Odoo."""
    libraries = next((VENV / "lib").glob("python3.*")) / "site-packages"
    (libraries / "odoo_19.pth").write_text(f"{odoo.python_path}\n")
    VENV_ODOO.write_text(
        f"#!{VENV_PYTHON}\nimport odoo.cli\n\nif __name__ == '__main__':\n    odoo.cli.main()\n"
    )
    VENV_ODOO.chmod(0o755)
    RUN.mkdir(parents=True, exist_ok=True)
    found = {"addons": [str(path) for path in odoo.addons], "origin": odoo.origin}
    (RUN / "odoo.json").write_text(json.dumps(found))
    say(f"   Odoo {odoo.version()}: {odoo.origin}")


def current() -> dict:
    """What `put_on_path` has written: `addons` (folders) and `origin`."""
    return json.loads((RUN / "odoo.json").read_text())
