"""Drawing on the pages of a finished PDF by an update appended to it, as the format provides for.

The file stays as it is, byte for byte; what is drawn comes behind it, with the pages that now use it. To
read the whole and write it anew takes longer than all the rest of finishing a paper.
"""

import re

from .pdf_font import stream

START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
# What a name may hold as it is; all else is written as its number.
REGULAR = re.compile(r"[^A-Za-z0-9_+\-.,:*@!]")


class PdfUpdate:
    """An update of one file: objects that are added, and pages that are replaced.

    :param bytes content: a file with a plain table of its objects, such as wkhtmltopdf and reportlab write.
    :param reader: a reader of the same file.
    :raise ValueError: the file has no such table.
    """

    def __init__(self, content, reader):
        found = START.search(content)
        if not found or content[int(found[1]) : int(found[1]) + 4] != b"xref":
            raise ValueError("This PDF has no plain table of its objects.")
        self.content, self.reader, self.previous = content, reader, int(found[1])
        self.size = int(reader.trailer["/Size"])
        self.objects = {}
        self.begin = self.add(stream(b"q\n"))

    def lay_over(self, page, operators, resources):
        """Draw on a page, above what is there.

        :param page: of the reader.
        :param bytes operators: what is drawn.
        :param resources: what it names: `{kind: {name: bytes}}`. The page's own of the same name is lost.
        """
        own = page.raw_get("/Contents")
        own = own if isinstance(own, list) else [own]
        drawn = self.add(stream(b"\nQ\n" + operators))
        replaced = {
            **{key: _dump(page.raw_get(key)) for key in page},
            "/Contents": b"[" + b" ".join([self.begin, *map(_dump, own), drawn]) + b"]",
            "/Resources": _shared(page["/Resources"], resources),
        }
        reference = getattr(page, "indirect_reference", None) or page.indirectRef
        self.objects[reference.idnum] = _dictionary(replaced)

    def add(self, body):
        """A new object.

        :param bytes body: as it is written in the file.
        :return: bytes, the reference to it.
        """
        number, self.size = self.size, self.size + 1
        self.objects[number] = body
        return b"%d 0 R" % number

    def to_bytes(self):
        """The file with the update.

        :return: bytes.
        """
        parts, offsets, position = [self.content], {}, len(self.content)
        for number, body in sorted(self.objects.items()):
            part = b"\n%d 0 obj\n%s\nendobj" % (number, body)
            offsets[number] = position + 1
            parts.append(part)
            position += len(part)
        rows = [b"%d 1\n%010d 00000 n \n" % (number, offset) for number, offset in sorted(offsets.items())]
        trailer = {key: _dump(self.reader.trailer.raw_get(key)) for key in ("/Root", "/Info", "/ID")
                   if key in self.reader.trailer}  # fmt: skip
        trailer |= {"/Size": b"%d" % self.size, "/Prev": b"%d" % self.previous}
        end = (
            b"\nxref\n0 1\n0000000000 65535 f \n",
            *rows,
            b"trailer\n",
            _dictionary(trailer),
            b"\nstartxref\n%d\n%%%%EOF\n" % (position + 1),
        )
        return b"".join([*parts, *end])


def _shared(own, added):
    """The resources of a page and of what is drawn on it, together."""
    kinds = {}
    for kind, things in own.get_object().items():
        things = things.get_object()
        is_named = isinstance(things, dict)
        kinds[kind] = {name: _dump(things.raw_get(name)) for name in things} if is_named else _dump(things)
    for kind, things in added.items():
        kinds[kind] = kinds.get(kind, {}) | things
    return _dictionary(
        {kind: _dictionary(names) if isinstance(names, dict) else names for kind, names in kinds.items()}
    )


def _dictionary(entries):
    return b"<< " + b" ".join(_name(key) + b" " + value for key, value in entries.items()) + b" >>"


def _name(name):
    return (
        b"/" + REGULAR.sub(lambda odd: "".join(f"#{byte:02x}" for byte in odd[0].encode()), name[1:]).encode()
    )


def _dump(thing):
    """An object as it is written in a PDF."""
    if hasattr(thing, "idnum"):
        return b"%d %d R" % (thing.idnum, thing.generation)
    if isinstance(thing, dict):
        return _dictionary({key: _dump(thing.raw_get(key)) for key in thing})
    if isinstance(thing, list):
        return b"[" + b" ".join(map(_dump, thing)) + b"]"
    if isinstance(thing, bytes):
        return b"<" + thing.hex().encode() + b">"
    if isinstance(thing, str):
        return _name(thing) if thing.startswith("/") else b"<" + thing.original_bytes.hex().encode() + b">"
    if hasattr(thing, "value") and isinstance(thing.value, bool):
        return b"true" if thing.value else b"false"
    return (
        b"null" if isinstance(thing, type(None)) or type(thing).__name__ == "NullObject" else _number(thing)
    )


def _number(value):
    return b"%d" % value if value == int(value) else f"{value:.6f}".rstrip("0").encode()
