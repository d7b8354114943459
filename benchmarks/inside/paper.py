"""Making papers inside Odoo: the whole of it, and what of it wkhtmltopdf took itself."""

import resource
import statistics
import time
from unittest.mock import patch

from odoo import Command
from odoo.addons.base.models import ir_actions_report

REPORT_RUN = ir_actions_report._run_wkhtmltopdf


class OwnTime:
    """Counts the runs of wkhtmltopdf, the seconds from its start to its end, and those of its processor."""

    def __init__(self):
        self.runs, self.seconds, self.cpu = 0, 0.0, 0.0

    def __call__(self, arguments):
        cpu, start = processor(resource.RUSAGE_CHILDREN), time.perf_counter()
        process = REPORT_RUN(arguments)
        self.seconds += time.perf_counter() - start
        self.cpu += processor(resource.RUSAGE_CHILDREN) - cpu
        self.runs += 1
        return process


class OdoosTime(OwnTime):
    """The same as Odoo calls it: it waits a second for scripts, of which our pages have none."""

    def __call__(self, arguments):
        arguments = [argument for argument in arguments if argument != "--disable-javascript"]
        arguments[arguments.index("--javascript-delay") + 1] = "1000"
        return super().__call__(arguments)


class Timed:
    """A method, and the seconds spent in it: by the clock, and by this process' own processor time."""

    def __init__(self, model, name):
        self.patch = patch.object(model, name, self._method(getattr(model, name)))
        self.seconds, self.cpu = 0.0, 0.0

    def _method(self, original):
        def timed(*args, **kwargs):
            cpu, start = time.process_time(), time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - start
                self.cpu += time.process_time() - cpu

        return timed


def processor(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def measure(env, lines, kind="proposal", rounds=5, lang=None):
    """Medians, in seconds, of making one paper.

    `own` and `own_cpu`: wkhtmltopdf itself; `render` and `render_cpu`: all between the ready page and the
    finished file, wkhtmltopdf included by the clock but not in the processor's time; `total` and
    `total_cpu`: reading the order, choosing and filling the template, keeping the file, too; `again`: the
    same content asked for once more; `odoos`: wkhtmltopdf called as Odoo calls it. `runs` is their number.

    :param lang: the customer's language; None: the one of the database.

    Each round changes a price, so that nothing is there already; the first one, which fills the
    caches, does not count.
    """
    order = make_order(env, lines, kind)
    if lang:
        speak(env, order, lang)
    rows = [one_round(env, order, kind) for _number in range(rounds + 1)][1:]
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def one_round(env, order, kind):
    order.order_line[0].price_unit += 1
    env.flush_all()
    env.cr.commit()
    own, odoos = OwnTime(), OdoosTime()
    render, total = Timed(type(order), "_process_paper_pdf"), Timed(type(order), "_process_make_document")
    with patch.object(ir_actions_report, "_run_wkhtmltopdf", own), render.patch, total.patch:
        order._process_make_document(kind)
        start = time.perf_counter()
        order._process_make_document(kind)
        again = time.perf_counter() - start
    env.flush_all()
    with patch.object(ir_actions_report, "_run_wkhtmltopdf", odoos):
        order._process_paper_pdf(order._process_paper(kind).html, kind)
    env.cr.commit()
    return {
        "runs": own.runs,
        "own": own.seconds,
        "own_cpu": own.cpu,
        "render": render.seconds,
        "render_cpu": render.cpu,
        "total": total.seconds - again,
        "total_cpu": total.cpu,
        "again": again,
        "odoos": odoos.seconds,
    }


def speak(env, order, lang):
    """From now on the customer has this language."""
    if not env["res.lang"]._get_data(code=lang):
        env["res.lang"]._activate_lang(lang)
        env["ir.module.module"]._load_module_terms(["sales_process"], [lang])
    order.partner_id.lang = lang


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
