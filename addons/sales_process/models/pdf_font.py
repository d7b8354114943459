"""The letters of what is drawn on a PDF: a font that every reader has, or the needed part of one of Odoo's.

To cut a font down to the letters of a paper takes longer than to draw them; the papers of a company speak
with the same letters, so that what was cut is kept.
"""

import zlib
from functools import lru_cache

from odoo.tools import file_path
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont, makeToUnicodeCMap

# For each use: with Cyrillic and Greek, and part of Odoo; and every reader's own, which costs nothing and is
# taken where it has the letters.
FONTS = {
    "SalesProcessStamp": ("web/static/fonts/sign/NotoSans-Reg.ttf", "Helvetica"),
    "SalesProcessHead": ("web/static/fonts/google/Roboto/Roboto-Bold.ttf", "Helvetica-Bold"),
}
READERS_OWN = "cp1252"
# What a letter is written with is one byte; the first stands for all that the font does not have.
MOST_LETTERS, UNKNOWN = 255, "\N{REPLACEMENT CHARACTER}"
# Of the papers of one company little but the numbers differs; the last ends a line that is shortened.
ALWAYS = "0123456789…"
# Tells that this is a part of the font; which letters are in it is told by the font itself.
PART = b"SALESP+"


def font_for(use, texts):
    """The font to write these texts with.

    :param str use: a key of `FONTS`.
    :param texts: all that will be written with it in one paper.
    :return: `CoreFont`, or `EmbeddedFont` where the readers' own has not all the letters.
    """
    path, plain = FONTS[use]
    letters = "".join(texts)
    if _has_all(letters) or not _is_registered(use, path):
        return CoreFont(plain)
    return _part_of(use, "".join(sorted({*letters, *ALWAYS})))


def stream(data, **entries):
    """The body of a stream object.

    :param bytes data: what is in it.
    :param int entries: further entries of its dictionary.
    """
    packed = zlib.compress(data)
    more = b"".join(b"/%b %d " % (name.encode(), value) for name, value in entries.items())
    return b"<< %b/Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (more, len(packed), packed)


class CoreFont:
    """A font that is every reader's own."""

    def __init__(self, name):
        self.name = name

    def encode(self, text):
        """The bytes that write the text."""
        return text.encode(READERS_OWN, "replace")

    def width(self, text, size):
        """How wide the text is, in points."""
        return pdfmetrics.stringWidth(text, self.name, size)

    def add_to(self, update):
        """Put the font into a file.

        :param update: the `PdfUpdate`.
        :return: bytes, the reference to it.
        """
        return update.add(
            b"<< /Type /Font /Subtype /Type1 /BaseFont /%b /Encoding /WinAnsiEncoding >>" % self.name.encode()
        )


class EmbeddedFont(CoreFont):
    """Some letters of a font that goes with the file.

    :param str name: as it is registered.
    :param str letters: each of them once.
    """

    def __init__(self, name, letters):
        super().__init__(name)
        face = pdfmetrics.getFont(name).face
        known = [letter for letter in letters if ord(letter) in face.charToGlyph][:MOST_LETTERS]
        self.codes = {letter: code for code, letter in enumerate(known, 1)}
        subset = [ord(letter) for letter in (UNKNOWN, *known)]
        self.base_name = PART + _text(face.name)
        program = face.makeSubset(subset)
        self.program = stream(program, Length1=len(program))
        self.words = stream(makeToUnicodeCMap(self.base_name.decode(), subset).encode())
        self.widths = b" ".join(b"%d" % face.getCharWidth(code) for code in subset)
        self.descriptor = _descriptor(face)

    def encode(self, text):
        return bytes(self.codes.get(letter, 0) for letter in text)

    def add_to(self, update):
        program = update.add(self.program)
        descriptor = update.add(self.descriptor % (self.base_name, program))
        return update.add(
            b"<< /Type /Font /Subtype /TrueType /BaseFont /%b /FirstChar 0 /LastChar %d /Widths [%b] "
            b"/FontDescriptor %b /ToUnicode %b >>"
            % (self.base_name, len(self.codes), self.widths, descriptor, update.add(self.words))
        )


@lru_cache(maxsize=64)
def _part_of(name, letters):
    return EmbeddedFont(name, letters)


def _has_all(letters):
    try:
        letters.encode(READERS_OWN)
    except UnicodeEncodeError:
        return False
    return True


def _is_registered(name, path):
    if name not in pdfmetrics.getRegisteredFontNames():
        try:
            pdfmetrics.registerFont(TTFont(name, file_path(path)))
        except (FileNotFoundError, TTFError):
            return False
    return True


def _descriptor(face):
    """Of a font whose letters have numbers of their own, with room for its name and its program."""
    symbolic = face.flags & ~32 | 4
    box = b" ".join(b"%d" % edge for edge in face.bbox)
    return (
        b"<< /Type /FontDescriptor /FontName /%%b /FontFile2 %%b /Flags %d /FontBBox [%b] /ItalicAngle %d "
        b"/Ascent %d /Descent %d /CapHeight %d /StemV %d >>"
        % (symbolic, box, face.italicAngle, face.ascent, face.descent, face.capHeight, face.stemV)
    )


def _text(name):
    return name if isinstance(name, bytes) else name.encode()
