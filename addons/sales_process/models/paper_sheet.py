"""What is drawn on a finished PDF: footers, page numbers, the head of a table that goes on.

wkhtmltopdf without the patched Qt has no page numbers and repeats no table head; making the pages
anew until all heads stand in the right places costs a rendering for each page. So the page is
rendered once, with room above it, and the rest is drawn into that room, alike for either build.
"""

import io
import re

from lxml import html
from odoo.tools.pdf import PdfFileReader
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit

from .pdf_drawing import Drawing
from .pdf_font import font_for
from .pdf_update import PdfUpdate

# As in the paper format: where the text of a page begins and ends, in points.
TOP, LEFT, RIGHT = 20 * mm, 18 * mm, 16 * mm
FOOTER_LINES = 3
# Of the table's head, in pixels of the style sheet: font, line, space above and beside the text.
HEAD_FONT, HEAD_LINE, HEAD_PADDING, CELL_PADDING = 13, 18.5, 7, 6
GREY, RED = "#6b7580", "#d93326"
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
# In the HTML: the head of the table.
HEAD = re.compile(r'<div class="lines-head">.*?</div>', re.DOTALL)
# In the PDF: a rectangle, and the colour of the hair-line above each line of the table (#fefdfc).
# Reading the text of a page to know what it begins with would take longer than rendering it.
RECTANGLE = re.compile(rb"([\d.-]+) ([\d.-]+) ([\d.-]+) ([\d.-]+) re\b")
LINE_COLOUR = re.compile(rb"0\.9960\d* 0\.9921\d* 0\.9882\d* (?:scn|rg)\b")
# Around the last line and around the totals, which are to stay together.
LAST_LINE = ("<!--last line-->", "<!--last line end-->")
TOTALS = ("<!--totals-->", "<!--totals end-->")


def keep_together(page):
    """The totals with the last line in one block, so that they are not alone on a page.

    Only where nothing but empty elements stands between the two.
    """
    marks = [page.find(mark) for mark in (*LAST_LINE, *TOTALS)]
    if -1 in marks or sorted(marks) != marks:
        return page
    line_begin, line_end, totals_begin, totals_end = marks
    between = page[line_end + len(LAST_LINE[1]) : totals_begin]
    if re.sub(r"<[^>]*>", "", between).strip():
        return page
    line = page[line_begin + len(LAST_LINE[0]) : line_end]
    totals = page[totals_begin + len(TOTALS[0]) : totals_end]
    rest = page[totals_end + len(TOTALS[1]) :]
    return f'{page[:line_begin]}<div class="keep">{line}{totals}</div>{between}{rest}'


def finish(content, page, footer, numbering, mark=None):
    """The PDF with what is drawn on it.

    :param bytes content: the PDF as rendered from `page`.
    :param str page: its HTML.
    :param str footer: one to three lines.
    :param numbering: function of the page's number and their count that gives "Page 1 of 3".
    :param str mark: drawn across each page.
    """
    paper = PdfFileReader(io.BytesIO(content))
    count = paper.getNumPages()
    pages = [paper.getPage(index) for index in range(count)]
    numbers = [numbering(index + 1, count) for index in range(count)]
    stamp = font_for("SalesProcessStamp", (footer, mark or "", *numbers))
    update, added, head = PdfUpdate(content, paper), {}, None
    for index, (sheet, number) in enumerate(zip(pages, numbers, strict=True)):
        drawing, (width, height) = Drawing(), _size(sheet)
        _draw_foot(drawing, width, footer, number, stamp)
        scale = index and _line_on_top(sheet, width)
        head = head or (scale and _table_head(page))
        if scale and head:
            _draw_head(drawing, width, height, head, scale)
        if mark:
            drawing.fill(RED)
            drawing.text_across((width / 2, height / 2), 50, mark, stamp, 96, 0.16)
        update.lay_over(sheet, drawing.operators(), drawing.resources(update, added))
    return update.to_bytes()


def _size(sheet):
    """Width and height of a page, in points."""
    left, bottom, right, top = map(float, sheet["/MediaBox"])
    return right - left, top - bottom


def _line_on_top(sheet, width):
    """Points a pixel, if a line of the table is the first thing on this page; else None.

    The first rectangle is the ground of the page: its top edge and its width are those of the page.
    """
    content = sheet.get_contents()
    content = content.get_data() if content is not None else b""
    ground, line = RECTANGLE.search(content), LINE_COLOUR.search(content)
    hair = line and RECTANGLE.search(content, line.end())
    if not hair or abs(float(hair[2]) - float(ground[2])) > 2 or not float(ground[3]):
        return None
    return (width - LEFT - RIGHT) / float(ground[3])


def _table_head(page):
    """The head of the table as it stands in the HTML: `{colour, on_colour, cells, font}`, or None."""
    found = HEAD.search(page)
    if not found:
        return None
    head = html.fragment_fromstring(found[0])
    widths = [float(re.sub(r"[^\d.]", "", column.get("style") or "") or 0) for column in head.iter("col")]
    free = max(0, 100 - sum(widths)) / max(1, widths.count(0))
    style = dict(re.findall(r"([\w-]+)\s*:\s*([^;]+)", head.find(".//tr").get("style") or ""))
    cells = [
        (width or free, " ".join(cell.text_content().split()), "num" in (cell.get("class") or ""))
        for width, cell in zip(widths, head.iter("th"), strict=False)
    ]
    return {
        "colour": _colour(style.get("background"), "#444444"),
        "on_colour": _colour(style.get("color"), "#ffffff"),
        "cells": cells,
        "font": font_for("SalesProcessHead", [text for _share, text, _right in cells]),
    }


def _draw_foot(drawing, width, footer, page_of, font):
    drawing.fill(GREY)
    lines = [line for line in footer.splitlines() if line.strip()][:FOOTER_LINES]
    for row, line in enumerate(reversed(lines)):
        drawing.text(LEFT, 26 + 10 * row, _fit(line, font, 8, width - 190), font, 8)
    drawing.text_right(width - RIGHT, 26, page_of, font, 8)


def _draw_head(drawing, width, height, head, scale):
    """The head of the table, right above where the text of the page begins; `scale`: points a pixel."""
    font, room = head["font"], width - LEFT - RIGHT
    size, line, above, beside = (
        scale * pixels for pixels in (HEAD_FONT, HEAD_LINE, HEAD_PADDING, CELL_PADDING)
    )
    cells = []
    for share, text, is_right in head["cells"]:
        wide = share * room / 100
        cells.append((wide, simpleSplit(text, font.name, size, wide - 2 * beside), is_right))
    tall = 2 * above + line * max((len(lines) for _wide, lines, _right in cells), default=1)
    bottom, left = height - TOP, LEFT
    drawing.fill(head["colour"])
    drawing.rectangle(LEFT, bottom, room, tall)
    drawing.fill(head["on_colour"])
    for wide, lines, is_right in cells:
        for row, text in enumerate(lines):
            baseline = bottom + tall - above - line * row - 1.07 * size
            if is_right:
                drawing.text_right(left + wide - beside, baseline, text, font, size)
            else:
                drawing.text(left + beside, baseline, text, font, size)
        left += wide


def _colour(text, default):
    text = (text or "").strip()
    return text if COLOUR.fullmatch(text) else default


def _fit(text, font, size, width):
    """The text, shortened to that width."""
    while text and font.width(text, size) > width:
        text = text[:-2].rstrip("…") + "…"
    return text
