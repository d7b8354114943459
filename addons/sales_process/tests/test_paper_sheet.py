import io

from odoo.tests import TransactionCase, tagged
from odoo.tools.pdf import PdfFileReader
from reportlab.pdfgen import canvas

from ..models import paper_sheet
from ..models.pdf_font import CoreFont, font_for

MANY = "".join(map(chr, range(0x400, 0x530)))


@tagged("post_install", "-at_install", "sales_process")
class TestPaperSheet(TransactionCase):
    """What is drawn on a finished PDF, letter by letter; the pages themselves are in `TestDocuments`."""

    def _drawn(self, footer, pages=2, mark=None):
        """The text of each page of a file that was finished so."""
        made = io.BytesIO()
        sheet = canvas.Canvas(made)
        for number in range(pages):
            sheet.drawString(100, 700, f"Text {number}")
            sheet.showPage()
        sheet.save()
        content = paper_sheet.finish(
            made.getvalue(), "", footer, lambda number, count: f"{number} of {count}", mark
        )
        self.assertTrue(content.startswith(made.getvalue()))
        reader = PdfFileReader(io.BytesIO(content), strict=True)
        return [page.extract_text() for page in reader.pages]

    def test_the_words_are_found(self):
        cases = (
            "Blue Harbour · Proposal S00001",
            "Ünïcode “quoted” – 5 € (a\\b)",
            "Синяя гавань · Предложение №7 — 100 ₽",
            "Γαλάζιο λιμάνι",
        )
        for footer in cases:
            for number, text in enumerate(self._drawn(footer)):
                with self.subTest(footer, page=number):
                    self.assertIn(f"Text {number}", text)
                    self.assertIn(footer, text)
                    self.assertIn(f"{number + 1} of 2", text)

    def test_letters_no_font_has(self):
        """One sign stands for each of them, and the rest of the line is there."""
        (text,) = self._drawn("Гавань 😀 龍 Blue", pages=1)
        self.assertRegex(text, r"Гавань .+ .+ Blue")

    def test_more_letters_than_a_font_holds(self):
        texts = [MANY[:200], MANY[200:]]
        font = font_for("SalesProcessStamp", texts)
        self.assertEqual(len(font.codes), 255)
        self.assertEqual(len(font.encode(MANY)), len(MANY))

    def test_the_readers_own_font_is_taken_where_it_has_the_letters(self):
        cases = (("Plain – €", CoreFont), ("", CoreFont))
        for text, kind in cases:
            with self.subTest(text):
                self.assertIs(type(font_for("SalesProcessStamp", [text])), kind)

    def test_a_font_is_cut_once_for_papers_that_differ_by_their_numbers(self):
        first, second = (font_for("SalesProcessStamp", [f"Счёт {number}"]) for number in (17, 58))
        self.assertIs(first, second)

    def test_a_long_line_is_shortened(self):
        (text,) = self._drawn("Ш" * 300, pages=1)
        self.assertRegex(text, r"Ш{20,99}…")
        self.assertIn("1 of 1", text)

    def test_three_lines_at_most(self):
        (text,) = self._drawn("one\n\ntwo\nthree\nfour", pages=1)
        self.assertIn("three", text)
        self.assertNotIn("four", text)

    def test_a_mark_is_on_every_page(self):
        for text in self._drawn("Footer", mark="ЧЕРНОВИК"):
            self.assertIn("ЧЕРНОВИК", text)

    def test_a_file_that_cannot_be_added_to(self):
        with self.assertRaisesRegex(ValueError, "no plain table"):
            paper_sheet.PdfUpdate(b"%PDF-1.7\nstartxref\n9\n%%EOF\n", None)
