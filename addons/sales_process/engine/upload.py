"""What a customer may hand in: a file is judged by its name and by its content.

Both must agree and stand on a short list. Nothing on it is ever executed by a browser,
so a page, a script or a drawing with a script in it cannot get in under another name.
"""

import io
import re
import unicodedata
import zipfile

MAX_BYTES = 20 * 1024 * 1024
MAX_NAME = 120
MAX_ENTRIES = 5000

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"
HEIC = "image/heic"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"

EXTENSIONS = {
    "pdf": PDF,
    "png": PNG,
    "jpg": JPEG,
    "jpeg": JPEG,
    "heic": HEIC,
    "heif": HEIC,
    "docx": DOCX,
    "xlsx": XLSX,
    "odt": ODT,
}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


class Refused(ValueError):
    """A file that is not taken. ``code`` says why: empty, too_big, type or content."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def check(name: str, content: bytes) -> tuple[str, str]:
    """The safe name and the MIME type to keep a file under, or Refused."""
    if not content:
        raise Refused("empty")
    if len(content) > MAX_BYTES:
        raise Refused("too_big")
    name = safe_name(name)
    expected = EXTENSIONS.get(name.rpartition(".")[2].lower())
    if not expected:
        raise Refused("type")
    if sniff(content) != expected:
        raise Refused("content")
    return name, expected


def safe_name(name: str) -> str:
    """A file name without folders, control characters or tricks of direction; never empty or too long."""
    name = unicodedata.normalize("NFC", name or "").replace("\\", "/").rpartition("/")[2]
    # Cc control, Cf formatting (right-to-left override hides an ending), Cs lone surrogates, Zl/Zp lines
    name = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = re.sub(r'[<>:"|?*;%]', "_", name).lstrip().rstrip(" .")
    stem, dot, ending = name.rpartition(".")
    if not dot:
        return (name or "file")[:MAX_NAME]
    ending = ending.strip()[:10].strip()
    return f"{(stem.strip(' .') or 'file')[: MAX_NAME - 1 - len(ending)]}.{ending}"


def sniff(content: bytes) -> str | None:
    """The MIME type the content shows, of those on the list."""
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content[4:8] == b"ftyp":
        return HEIC if content[8:12] in HEIC_BRANDS else None
    if content.startswith(b"PK\x03\x04"):
        return _sniff_office(content)
    return None


def _sniff_office(content: bytes) -> str | None:
    """Which office document a zip is; None: another archive, or one that carries macros."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            if len(names) > MAX_ENTRIES or any(name.lower().endswith("vbaproject.bin") for name in names):
                return None
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                return ODT if archive.read("mimetype").strip() == ODT.encode() else None
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError):
        return None
    if "[Content_Types].xml" not in names:
        return None
    if "word/document.xml" in names:
        return DOCX
    return XLSX if "xl/workbook.xml" in names else None
