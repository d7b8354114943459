"""Drawing on the pages of a finished PDF by an update appended to it, as the format provides for.

The file stays as it is, byte for byte; what is drawn comes behind it, with the pages that now use it. To
read the whole and write it anew takes longer than all the rest of finishing a paper.
"""

import re
import zlib

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
        self.begin = self._add(_stream(b"q\n"))

    def lay_over(self, index, sheet, copied):
        """Draw a sheet on a page, above what is there.

        :param int index: the page, counted from 0.
        :param sheet: a page of another file.
        :param dict copied: what of that file is in this one already; kept by the caller for all of its pages.
        """
        page = self.reader.getPage(index)
        own = page.raw_get("/Contents")
        own = own if isinstance(own, list) else [own]
        drawn = self._add(_stream(b"\nQ\n" + sheet["/Contents"].get_object().get_data()))
        replaced = {
            **{key: _dump(page.raw_get(key)) for key in page},
            "/Contents": b"[" + b" ".join([self.begin, *map(_dump, own), drawn]) + b"]",
            "/Resources": self._shared(page["/Resources"], sheet["/Resources"], copied),
        }
        reference = getattr(page, "indirect_reference", None) or page.indirectRef
        self.objects[reference.idnum] = _dictionary(replaced)

    def write(self):
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

    def _add(self, body):
        """A new object; its reference."""
        number, self.size = self.size, self.size + 1
        self.objects[number] = body
        return b"%d 0 R" % number

    def _shared(self, own, other, copied):
        """The resources of a page and of what is drawn on it, together."""
        kinds = {}
        for resources, dump in ((own, _dump), (other, lambda thing: self._copy(thing, copied))):
            for kind, things in resources.get_object().items():
                things = things.get_object()
                if isinstance(things, dict):
                    names = kinds.setdefault(kind, {})
                    names.update((name, dump(things.raw_get(name))) for name in things)
                else:
                    kinds[kind] = dump(things)
        return _dictionary(
            {kind: _dictionary(names) if isinstance(names, dict) else names for kind, names in kinds.items()}
        )

    def _copy(self, thing, copied):
        """A thing of another file, with all it refers to, as it is written in this one."""
        if not hasattr(thing, "idnum"):
            return _dump(thing, lambda part: self._copy(part, copied))
        if thing.idnum not in copied:
            copied[thing.idnum] = self._add(b"null")
            found = thing.get_object()
            body = _dump(found, lambda part: self._copy(part, copied))
            if hasattr(found, "get_data"):
                length = b" /Length %d >>" % len(found._data)  # readers leave it out
                body = body[: -len(b" >>")] + length + b"\nstream\n" + found._data + b"\nendstream"
            self.objects[int(copied[thing.idnum].split()[0])] = body
        return copied[thing.idnum]


def _stream(data):
    packed = zlib.compress(data)
    return b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed)


def _dictionary(entries):
    return b"<< " + b" ".join(_name(key) + b" " + value for key, value in entries.items()) + b" >>"


def _name(name):
    return (
        b"/" + REGULAR.sub(lambda odd: "".join(f"#{byte:02x}" for byte in odd[0].encode()), name[1:]).encode()
    )


def _dump(thing, dump=None):
    """An object as it is written in a PDF.

    :param dump: what writes the parts of a dictionary or a list; by default this function.
    """
    dump = dump or _dump
    if hasattr(thing, "idnum"):
        return b"%d %d R" % (thing.idnum, thing.generation)
    if isinstance(thing, dict):
        return _dictionary({key: dump(thing.raw_get(key)) for key in thing})
    if isinstance(thing, list):
        return b"[" + b" ".join(dump(part) for part in thing) + b"]"
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
