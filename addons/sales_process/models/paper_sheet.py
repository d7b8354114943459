"""What is drawn on a finished PDF: footers, page numbers, the head of a table that goes on.

wkhtmltopdf without the patched Qt has no page numbers and repeats no table head; making the pages
anew until all heads stand in the right places costs a rendering for each page. So the page is
rendered once, with room above it, and the rest is drawn into that room, alike for either build.
"""

import io
import re

from lxml import html
from odoo.tools import file_path
from odoo.tools.pdf import PdfFileReader
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen import canvas

from .pdf_update import PdfUpdate

# As in the paper format: where the text of a page begins and ends, in points.
TOP, LEFT, RIGHT = 20 * mm, 18 * mm, 16 * mm
FOOTER_LINES = 3
LATIN_END = 256
# With Cyrillic and Greek, and part of Odoo. The other is every reader's own: it costs nothing, and is
# taken where its letters do.
FONTS = {
    "SalesProcessStamp": ("web/static/fonts/sign/NotoSans-Reg.ttf", "Helvetica"),
    "SalesProcessHead": ("web/static/fonts/google/Roboto/Roboto-Bold.ttf", "Helvetica-Bold"),
}
# Of the table's head, in pixels of the style sheet: font, line, space above and beside the text.
HEAD_FONT, HEAD_LINE, HEAD_PADDING, CELL_PADDING = 13, 18.5, 7, 6
GREY = HexColor("#6b7580")
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
    heads = _pages_with_head(paper)
    head = _table_head(page, heads[0][1]) if heads else None
    overlay = PdfFileReader(
        _overlay(paper.getNumPages(), footer, numbering, mark, {index for index, _scale in heads}, head)
    )
    update, copied = PdfUpdate(content, paper), {}
    for index in range(paper.getNumPages()):
        update.lay_over(index, overlay.getPage(index), copied)
    return update.write()


def _pages_with_head(paper):
    """The pages that begin with a line of the table, counted from 0, and points a pixel on each."""
    found = []
    for index in range(1, paper.getNumPages()):
        content = paper.getPage(index).get_contents()
        scale = None if content is None else _line_on_top(content.get_data())
        if scale:
            found.append((index, scale))
    return found


def _line_on_top(content):
    """Points a pixel, if the page's first line of the table is the first thing on it; else None.

    The first rectangle is the ground of the page: its top edge and its width are those of the page.
    """
    ground, line = RECTANGLE.search(content), LINE_COLOUR.search(content)
    hair = line and RECTANGLE.search(content, line.end())
    if not hair or abs(float(hair[2]) - float(ground[2])) > 2 or not float(ground[3]):
        return None
    return (A4[0] - LEFT - RIGHT) / float(ground[3])


def _table_head(page, scale):
    """The head of the table as it stands in the HTML: `{scale, colour, on_colour, cells}`, or None."""
    found = HEAD.search(page)
    if not found:
        return None
    head = html.fragment_fromstring(found[0])
    widths = [float(re.sub(r"[^\d.]", "", column.get("style") or "") or 0) for column in head.iter("col")]
    free = max(0, 100 - sum(widths)) / max(1, widths.count(0))
    style = dict(re.findall(r"([\w-]+)\s*:\s*([^;]+)", head.find(".//tr").get("style") or ""))
    return {
        "scale": scale,
        "colour": style.get("background", "#444444"),
        "on_colour": style.get("color", "#ffffff"),
        "cells": [
            (width or free, " ".join(cell.text_content().split()), "num" in (cell.get("class") or ""))
            for width, cell in zip(widths, head.iter("th"), strict=False)
        ],
    }


def _overlay(count, footer, numbering, mark, heads, head):
    output = io.BytesIO()
    sheet = canvas.Canvas(output, pagesize=A4, pageCompression=0)
    for index in range(count):
        _draw_foot(sheet, footer, numbering(index + 1, count))
        if head and index in heads:
            _draw_head(sheet, head)
        if mark:
            _draw_mark(sheet, mark)
        sheet.showPage()
    sheet.save()
    output.seek(0)
    return output


def _draw_foot(sheet, footer, page_of):
    font = _font("SalesProcessStamp", footer + page_of)
    sheet.setFont(font, 8)
    sheet.setFillColor(GREY)
    lines = [line for line in footer.splitlines() if line.strip()][:FOOTER_LINES]
    for row, line in enumerate(reversed(lines)):
        sheet.drawString(LEFT, 26 + 10 * row, _fit(line, font, 8, A4[0] - 190))
    sheet.drawRightString(A4[0] - RIGHT, 26, page_of)


def _draw_head(sheet, head):
    """The head of the table, right above where the text of the page begins."""
    font = _font("SalesProcessHead", "".join(text for _share, text, _right in head["cells"]))
    width = A4[0] - LEFT - RIGHT
    size, line, above, beside = (
        head["scale"] * pixels for pixels in (HEAD_FONT, HEAD_LINE, HEAD_PADDING, CELL_PADDING)
    )
    cells = []
    for share, text, is_right in head["cells"]:
        wide = share * width / 100
        cells.append((wide, simpleSplit(text, font, size, wide - 2 * beside), is_right))
    height = 2 * above + line * max((len(lines) for _wide, lines, _right in cells), default=1)
    bottom, left = A4[1] - TOP, LEFT
    sheet.setFillColor(_colour(head["colour"], "#444444"))
    sheet.rect(LEFT, bottom, width, height, stroke=0, fill=1)
    sheet.setFillColor(_colour(head["on_colour"], "#ffffff"))
    sheet.setFont(font, size)
    for wide, lines, is_right in cells:
        for row, text in enumerate(lines):
            baseline = bottom + height - above - line * row - 1.07 * size
            if is_right:
                sheet.drawRightString(left + wide - beside, baseline, text)
            else:
                sheet.drawString(left + beside, baseline, text)
        left += wide


def _draw_mark(sheet, mark):
    sheet.saveState()
    sheet.setFillColorRGB(0.85, 0.2, 0.15, alpha=0.16)
    sheet.setFont(_font("SalesProcessStamp", mark), 96)
    sheet.translate(A4[0] / 2, A4[1] / 2)
    sheet.rotate(50)
    sheet.drawCentredString(0, 0, mark)
    sheet.restoreState()


def _colour(text, default):
    try:
        return HexColor(text.strip())
    except ValueError:
        return HexColor(default)


def _font(name, text):
    """The font for this text: embedding one takes as long as all the rest of the drawing."""
    path, plain = FONTS[name]
    if all(ord(letter) < LATIN_END for letter in text):
        return plain
    if name not in pdfmetrics.getRegisteredFontNames():
        try:
            pdfmetrics.registerFont(TTFont(name, file_path(path)))
        except (FileNotFoundError, TTFError):
            return plain
    return name


def _fit(text, font, size, width):
    """The text, shortened to that width."""
    while text and pdfmetrics.stringWidth(text, font, size) > width:
        text = text[:-2].rstrip("…") + "…"
    return text
