"""Making papers inside Odoo: the whole of it, and what of it wkhtmltopdf took itself."""

import statistics
import time
from unittest.mock import patch

from odoo import Command
from odoo.addons.base.models import ir_actions_report

REPORT_RUN = ir_actions_report._run_wkhtmltopdf


class OwnTime:
    """Counts the runs of wkhtmltopdf, and the seconds from its start to its end."""

    def __init__(self):
        self.runs, self.seconds = 0, 0.0

    def __call__(self, arguments):
        start = time.perf_counter()
        process = REPORT_RUN(arguments)
        self.seconds += time.perf_counter() - start
        self.runs += 1
        return process


class OdoosTime(OwnTime):
    """The same as Odoo calls it: it waits a second for scripts, of which our pages have none."""

    def __call__(self, arguments):
        arguments = [argument for argument in arguments if argument != "--disable-javascript"]
        arguments[arguments.index("--javascript-delay") + 1] = "1000"
        return super().__call__(arguments)


def measure(env, lines, kind="proposal", rounds=5):
    """Medians: runs of wkhtmltopdf for a paper, seconds it took itself, seconds of all, seconds of making
    a known content again, and seconds of wkhtmltopdf called as Odoo calls it.

    Each round changes a price, so that nothing is there already; the first one, which fills the
    caches, does not count.
    """
    order = make_order(env, lines, kind)
    figures = []
    for number in range(rounds + 1):
        order.order_line[0].price_unit += 1
        env.flush_all()
        env.cr.commit()
        own = OwnTime()
        start = time.perf_counter()
        with patch.object(ir_actions_report, "_run_wkhtmltopdf", own):
            order._process_make_document(kind)
            env.flush_all()
        total = time.perf_counter() - start
        start = time.perf_counter()
        order._process_make_document(kind)
        again = time.perf_counter() - start
        odoos = OdoosTime()
        with patch.object(ir_actions_report, "_run_wkhtmltopdf", odoos):
            order._process_paper_pdf(order._process_paper(kind).html, kind)
        env.cr.commit()
        if number:
            figures.append((own.runs, own.seconds, total, again, odoos.seconds))
    return [statistics.median(column) for column in zip(*figures, strict=True)]


def make_order(env, lines, kind):
    """An order with so many lines, as a company would write them."""
    customer = env["res.partner"].create({"name": "Blue Harbour", "email": "office@blue.example.org"})
    product = env["product.product"].create({"name": "Pressure transmitter", "list_price": 412.5})
    return env["sale.order"].create(
        {
            "partner_id": customer.id,
            "contract_date_start": "2030-01-01" if kind == "contract" else False,
            "contract_term_months": 12,
            "order_line": [
                Command.create({"product_id": product.id, "name": f"Item {number}\nsecond line of text"})
                for number in range(lines)
            ],
        }
    )
