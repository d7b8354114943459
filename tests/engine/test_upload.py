"""What a customer may hand in: known tricks, and what holds for every name."""

import io
import zipfile

import pytest
from engine import upload
from hypothesis import given
from hypothesis import strategies as st

PDF = b"%PDF-1.7\n%%EOF"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPG = b"\xff\xd8\xff\xe0" + b"\0" * 20
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isomiso2"
HTML = b"<html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def office(*names, **texts):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, texts.get(name, "x"))
    return stream.getvalue()


DOCX = office("[Content_Types].xml", "word/document.xml")
XLSX = office("[Content_Types].xml", "xl/workbook.xml")
ODT = office("mimetype", "content.xml", mimetype=upload.ODT)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("extract.pdf", PDF, upload.PDF),
        ("Extract.PDF", PDF, upload.PDF),
        ("scan.png", PNG, upload.PNG),
        ("photo.jpeg", JPG, upload.JPEG),
        ("IMG_0001.HEIC", HEIC, upload.HEIC),
        ("letter.docx", DOCX, upload.DOCX),
        ("table.xlsx", XLSX, upload.XLSX),
        ("letter.odt", ODT, upload.ODT),
        ("Выписка из реестра.pdf", PDF, upload.PDF),
    ],
)
def test_taken(name, content, kind):
    assert upload.check(name, content) == (name, kind)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("page.html", HTML, "type"),
        ("drawing.svg", SVG, "type"),
        ("page.pdf", HTML, "content"),
        ("drawing.png", SVG, "content"),
        ("page.html", PDF, "type"),
        ("scan.pdf.html", PDF, "type"),
        ("noending", PDF, "type"),
        ("film.heic", MP4, "content"),
        ("scan.png", JPG, "content"),
        ("archive.docx", office("a.txt"), "content"),
        ("macro.docx", office("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "content"),
        ("table.docx", XLSX, "content"),
        ("broken.docx", b"PK\x03\x04broken", "content"),
        ("empty.pdf", b"", "empty"),
        ("big.pdf", PDF + b"\0" * upload.MAX_BYTES, "too_big"),
    ],
)
def test_refused(name, content, code):
    with pytest.raises(upload.Refused) as refused:
        upload.check(name, content)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("..\\..\\boot.pdf", "boot.pdf"),
        ("C:\\scans\\a.pdf", "a.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie_ x.pdf"),
        ("fdp\u202e.exe.pdf", "fdp.exe.pdf"),
        ('"><script>.pdf', "___script_.pdf"),
        (".pdf", "file.pdf"),
        ("..", "file"),
        ("", "file"),
        (None, "file"),
    ],
)
def test_names(name, safe):
    assert upload.safe_name(name) == safe


@given(st.text(max_size=400))
def test_every_name_becomes_harmless(name):
    safe = upload.safe_name(name)
    assert 0 < len(safe) <= upload.MAX_NAME
    assert not set(safe) & set('/\\<>:"|?*;%\r\n\0')
    assert safe not in (".", "..")
    assert upload.safe_name(safe) == safe


@given(st.binary(max_size=300), st.sampled_from(sorted(upload.EXTENSIONS)))
def test_content_never_passes_as_something_else(content, ending):
    """Whatever is taken shows itself as the type it is kept under."""
    try:
        _name, kind = upload.check(f"a.{ending}", content)
    except upload.Refused:
        return
    assert upload.sniff(content) == kind == upload.EXTENSIONS[ending]
