"""What is drawn on one page of a PDF, in the operators of the format."""

import math

from reportlab.lib.colors import HexColor

ALPHA = "SalesProcessAlpha"


class Drawing:
    """Collects operators, and the fonts they name. All measures are points, from the lower left corner."""

    def __init__(self):
        self.parts, self.fonts, self.alphas = [], {}, {}

    def fill(self, colour):
        """What is drawn from now on has this colour.

        :param str colour: "#2f5d7c".
        """
        self._add(b"%.4f %.4f %.4f rg", *HexColor(colour).rgb())

    def rectangle(self, left, bottom, width, height):
        """A filled rectangle."""
        self._add(b"%.3f %.3f %.3f %.3f re f", left, bottom, width, height)

    def text(self, left, baseline, text, font, size):
        """A line of text, with its beginning at `left`."""
        name = f"SalesProcess{font.name}"
        self.fonts[name] = font
        self._add(
            b"BT /%b %.3f Tf %.3f %.3f Td <%b> Tj ET",
            name.encode(), size, left, baseline, font.encode(text).hex().encode(),
        )  # fmt: skip

    def text_right(self, right, baseline, text, font, size):
        """A line of text, with its end at `right`."""
        self.text(right - font.width(text, size), baseline, text, font, size)

    def text_across(self, middle, angle, text, font, size, alpha):
        """A line of text around a point, that lets what is below shine through.

        :param middle: the point.
        :param angle: in degrees, counter-clockwise.
        :param float alpha: 0 is not seen, 1 hides what is below.
        """
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        self.alphas[ALPHA] = alpha
        self._add(b"q /%b gs %.5f %.5f %.5f %.5f %.3f %.3f cm", ALPHA.encode(), cos, sin, -sin, cos, *middle)
        self.text(-font.width(text, size) / 2, 0, text, font, size)
        self._add(b"Q")

    def operators(self):
        """All that was drawn, as bytes."""
        return b"\n".join(self.parts)

    def resources(self, update, added):
        """What the operators name, as it is in the file.

        :param update: the `PdfUpdate`.
        :param dict added: the references to fonts that are in the file already; kept by the caller.
        :return: `{kind: {name: bytes}}`.
        """
        for font in self.fonts.values():
            if font not in added:
                added[font] = font.add_to(update)
        alphas = {f"/{name}": b"<< /ca %.2f >>" % alpha for name, alpha in self.alphas.items()}
        return {
            "/Font": {f"/{name}": added[font] for name, font in self.fonts.items()},
            **({"/ExtGState": alphas} if alphas else {}),
        }

    def _add(self, operators, *values):
        self.parts.append(operators % values)
