from unittest import TestCase

from lxml import html
from odoo.tests import tagged

from ..models.paper_clause import keep_with_signatures

SIGN = '<div class="keep signatures">Signed</div>'


@tagged("post_install", "-at_install", "sales_process")
class TestPaperClause(TestCase):
    """What stays on one page with the signatures, as a table: body, text of the block that is kept."""

    def _kept(self, body):
        page = keep_with_signatures(f'<html><body><div class="text">{body}</div></body></html>')
        block = html.document_fromstring(page).xpath('//div[@class="keep"][.//div[@class="keep signatures"]]')
        return " ".join(block[0].text_content().split()) if block else None

    def test_table(self):
        long = "word " * 400
        for name, body, kept in (
            ("a clause", f"<p>1</p><p>2</p>{SIGN}", "2Signed"),
            ("their heading", f'<p>1</p><div class="keep"><h2>H</h2><div>{SIGN}</div></div>', "1HSigned"),
            (
                "deep in an editor's blocks",
                f"<div><section><p>1</p><p>2</p></section></div>{SIGN}",
                "2Signed",
            ),
            ("with its own heading", f"<p>1</p><div><h2>2</h2><div><p>3</p></div></div>{SIGN}", "3Signed"),
            ("heading beside it", f"<p>1</p><h2>2</h2><p>3</p>{SIGN}", "23Signed"),
            ("a block kept whole", f'<p>1</p><div class="keep"><h2>2</h2><p>3</p></div>{SIGN}', "23Signed"),
            ("empty ones between", f"<p>1</p><p> </p><div/>{SIGN}", "1Signed"),
            ("a list", f"<p>1</p><ul><li>a</li><li>b</li></ul>{SIGN}", "abSigned"),
            ("nothing before", SIGN, None),
            ("too long to keep", f"<p>{long}</p>{SIGN}", None),
        ):
            with self.subTest(name):
                self.assertEqual(self._kept(body), kept)

    def test_nothing_is_lost(self):
        body = f"<p>1</p><div><h2>2</h2><p>3</p><p>4 <b>5</b> 6</p></div> <div><h2>7</h2>{SIGN}</div><p>8</p>"
        page = keep_with_signatures(f"<html><body>{body}</body></html>")
        text = "".join(html.document_fromstring(page).text_content().split())
        self.assertEqual(text, "1234567Signed8")

    def test_other_papers_are_left_alone(self):
        page = "<html><body><p>1</p><br/></body></html>"
        self.assertIs(keep_with_signatures(page), page)
