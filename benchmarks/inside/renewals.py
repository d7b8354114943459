"""Contracts by the ten thousand, of which some are due for renewal; and what a tick costs when none is."""

from datetime import date
from statistics import median
from unittest.mock import patch

from common import Watch, make_reps
from scale import clone, nodes_of, tick_buffers

CRONS = ("runner", "timers", "letters", "contract_timers")
# Nobody's night, and nobody's second letter of the day: when a letter goes is not what is measured.
NO_QUIET_HOURS = {"sales_process.quiet_from": 0, "sales_process.quiet_to": 0}


def prepare(env, contracts, due, runners=2):
    """Running contracts, each of a customer of its own; the jobs of this add-on, each for so many workers."""
    for name, value in NO_QUIET_HOURS.items():
        env["ir.config_parameter"].set_param(name, value)
    first = _contract(env)
    copies = _multiply(env, first, contracts - 1)
    # The first one has its time too, or one would be missing.
    env.cr.execute(
        "UPDATE sale_order SET contract_renewal_due = CURRENT_DATE WHERE id = ANY(%s || ARRAY("
        "SELECT id FROM sale_order WHERE contract_number LIKE 'B%%' ORDER BY id LIMIT %s))",
        [first.ids, due - 1],
    )
    env.cr.execute("ANALYZE sale_order")
    crons = env["ir.cron"].browse(
        [env.ref(f"sales_process.ir_cron_sales_process_{name}").id for name in CRONS]
    )
    env["ir.cron"].search([("id", "not in", crons.ids)]).active = False
    for _number in range(runners - 1):
        crons.copy({"active": True})
    env.cr.commit()
    return copies + 1


def idle(env, contracts, rounds=7):
    """The tick of the contracts' job with nothing due, and a desk's question for the next ones."""
    _multiply(env, _contract(env), contracts - 1)
    env.cr.execute("ANALYZE sale_order")
    env.cr.commit()
    Order = env["sale.order"]
    seconds = []
    for _round in range(rounds + 1):
        with Watch(env) as watch:
            Order._cron_contract_timers()
        seconds.append(watch.seconds)
    return {
        "sql": watch.sql,
        "ms": median(seconds[1:]) * 1000,
        "plans": [_plan(env, domain, order) for domain, order in _questions(env)],
        "tick_buffers": tick_buffers(env, ticks=(Order._cron_contract_timers,)),
    }


def _contract(env):
    """One running contract of the shipped process for renewals, that has its time in a year."""
    reps = make_reps(env)
    process = env.ref("sales_process.process_renewal")
    team = env["crm.team"].create({"name": "Bench", "member_ids": [(6, 0, reps.ids)]})
    team.process_ids = [(4, process.id)]
    partner = env["res.partner"].create({"name": "Customer", "email": "customer0@company0.example.org"})
    product = env["product.product"].create({"name": "Service", "type": "service", "taxes_id": [(5,)]})
    order = env["sale.order"].create(
        {
            "partner_id": partner.id,
            "user_id": reps[0].id,
            "team_id": team.id,
            "contract_date_start": date.today(),
            "contract_term_months": 18,
            "order_line": [(0, 0, {"product_id": product.id, "price_unit": 100.0})],
        }
    )
    order._contract_set({"contract_number": "A1", "contract_state": "running", "state": "sale"})
    env.flush_all()
    return order


def _multiply(env, order, count):
    """So many more contracts like this one, each of a customer of its own."""
    partner = clone(
        env,
        "res_partner",
        order.partner_id.id,
        count,
        commercial_partner_id="{id}",
        email="'customer' || n || '@company' || n || '.example.org'",
        email_normalized="'customer' || n || '@company' || n || '.example.org'",
    )
    copy = clone(
        env,
        "sale_order",
        order.id,
        count,
        name="'B' || n",
        contract_number="'B' || n",
        partner_id=partner,
        partner_invoice_id=partner,
        partner_shipping_id=partner,
    )
    clone(env, "sale_order_line", order.order_line.id, count, order_id=copy)
    env.invalidate_all()
    env.cr.commit()
    return count


def _questions(env):
    """What the tick asks: (domain, order) of each."""
    asked = []

    def note(_self, domain, order, _method):
        asked.append((domain, order))
        return True

    with patch.object(env.registry["sale.order"], "_contract_run_timer", note):
        env["sale.order"]._cron_contract_timers()
    return asked


def _plan(env, domain, order):
    """(plan without figures, buffers) of one question, with its pages in memory."""
    query = env["sale.order"].sudo()._search(domain, order=order, limit=500).select()
    asked = env.cr.mogrify(query).decode()
    env.cr.execute(asked)
    env.cr.execute("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) " + asked)
    root = env.cr.fetchone()[0][0]["Plan"]
    return nodes_of(root), root["Shared Hit Blocks"] + root["Shared Read Blocks"]
