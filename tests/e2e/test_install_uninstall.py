"""On a company's database: installing changes nothing of theirs, removing leaves nothing of ours."""

import json

import pytest

from tools import addons, databases, odoo_server, postgres, templates

# What the company had: rows that must be the same afterwards, `write_date` included.
THEIRS = (
    "crm_lead", "crm_stage", "crm_team", "crm_team_member", "crm_tag", "crm_lost_reason",
    "sale_order", "sale_order_line", "res_partner", "product_template", "product_product",
    "mail_activity", "calendar_event", "mail_message",
    "mail_tracking_value", "mail_followers", "ir_attachment", "mail_template",
)  # fmt: skip
# What a module can leave behind, each as a query for names.
TRACES = {
    "tables": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    "columns": "SELECT table_name || '.' || column_name FROM information_schema.columns"
               " WHERE table_schema = 'public'",
    "indexes": "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": "SELECT conrelid::regclass || '.' || conname FROM pg_constraint",
    "functions": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "models": "SELECT model FROM ir_model",
    "fields": "SELECT model || '.' || name FROM ir_model_fields",
    "selections": "SELECT f.model || '.' || f.name || '.' || s.value FROM ir_model_fields_selection s"
                  " JOIN ir_model_fields f ON f.id = s.field_id",
    "external ids": "SELECT module || '.' || name FROM ir_model_data"
                    " WHERE starts_with(module, 'sales_process')",
    "views": "SELECT COALESCE(key, name) || ' ' || COALESCE(model, '') FROM ir_ui_view"
             " WHERE NOT starts_with(COALESCE(key, ''), 'gen_key.')",
    "menus": "SELECT name->>'en_US' FROM ir_ui_menu",
    "jobs": "SELECT cron_name FROM ir_cron",
    "actions": "SELECT type || ' ' || (name->>'en_US') FROM ir_actions",
    "reports": "SELECT report_name FROM ir_act_report_xml",
    "groups": "SELECT name->>'en_US' FROM res_groups",
    "rules": "SELECT name FROM ir_rule",
    "access": "SELECT name FROM ir_model_access",
    "templates": "SELECT name->>'en_US' FROM mail_template",
    "activity types": "SELECT name->>'en_US' FROM mail_activity_type",
    "sequences": "SELECT name FROM ir_sequence",
    "parameters": "SELECT key FROM ir_config_parameter",
    "assets": "SELECT path FROM ir_asset",
    "filters": "SELECT name FROM ir_filters",
}  # fmt: skip

COMPANY_AT_WORK = """
from datetime import timedelta

def later():
    # Tracking is written when a transaction ends; each commit is a moment of its own.
    env.cr.precommit.run()
    env.cr.commit()

team = env['crm.team'].create({'name': 'Theirs'})
first, second = env['crm.stage'].create([
    {'name': name, 'team_ids': team.ids, 'sequence': -5} for name in ('One', 'Two')
])
won = env['crm.stage'].create({'name': 'Three', 'team_ids': team.ids, 'sequence': -4, 'is_won': True})
leads = env['crm.lead'].create([
    {'name': name, 'team_id': team.id, 'type': 'opportunity', 'stage_id': first.id, 'expected_revenue': 100}
    for name in ('moved', 'won', 'lost', 'restored', 'untouched')
])
later()
moved, gained, lost, restored, untouched = leads
(moved + gained + lost).stage_id = second
later()
gained.action_set_won()
lost.action_set_lost(lost_reason_id=env['crm.lost.reason'].search([], limit=1).id)
restored.action_set_lost()
later()
restored.action_restore()
later()
product = env['product.product'].create({'name': 'Theirs', 'list_price': 50})
order = env['sale.order'].create({
    'partner_id': env['res.partner'].create({'name': 'Their customer', 'email': 'theirs@example.com'}).id,
    'opportunity_id': gained.id, 'team_id': team.id,
    'order_line': [(0, 0, {'product_id': product.id, 'product_uom_qty': 2})],
})
order.action_confirm()
env['sale.order'].create({'partner_id': order.partner_id.id, 'opportunity_id': moved.id, 'team_id': team.id,
                          'order_line': [(0, 0, {'product_id': product.id})]})
admin = env.ref('base.user_admin')
moved.activity_schedule('mail.mail_activity_data_todo', summary='Theirs', user_id=admin.id)
later()
"""

PROCESS_AT_WORK = """
env = env(user=env.ref('base.user_admin'))
process = env.ref('sales_process.process_new_business')
team = env['crm.team'].search([('name', '=', 'Theirs')])
rep = env['res.users'].create({'name': 'Rita Rep', 'login': 'rita@example.com', 'email': 'rita@example.com',
                               'group_ids': [(4, env.ref('sales_team.group_sale_salesman').id)]})
team.user_id = env.ref('base.user_admin')
product = env['product.product'].search([('name', '=', 'Theirs')])
process.write({
    'team_ids': [(4, team.id)],
    'quotation_template_id': env['sale.order.template'].create({
        'name': 'Theirs',
        'sale_order_template_line_ids': [(0, 0, {'product_id': product.id, 'product_uom_qty': 3})],
    }).id,
})
def task_of(lead, code):
    lead.with_user(env.ref('base.user_root')).process_run_queued()
    task = lead.process_open_task_ids.filtered(lambda task: task.step_id.code == code)
    assert task, (code, [(task.step_id.code, task.state, task.error) for task in lead.process_task_ids])
    return task
def intake(ref):
    made = env['crm.lead'].process_intake({
        'name': ref, 'contact_name': 'Clara Client', 'email_from': 'clara@customer.example',
        'phone': '+49 30 1234567', 'partner_name': 'Customer Ltd', 'team_id': team.id, 'user_id': rep.id,
    }, ref)
    return env['crm.lead'].browse(made['lead_id'])
waiting = intake('waiting for a call')
task_of(waiting, 'call_customer')
lead = intake('with papers')
task_of(lead, 'call_customer').complete('reached')
task_of(lead, 'contact_result').complete('interested', {
    'description': 'All of it', 'expected_revenue': 150, 'date_deadline': '2030-01-01'})
task_of(lead, 'make_proposal').with_user(rep).complete('made')
order = lead.process_case_id.order_id
task_of(lead, 'approve_proposal').complete('approved')
task_of(lead, 'plan_meeting')
assert order.state == 'sent', order.state
paper = env['sales.document'].search([('order_id', '=', order.id)])
result = {
    'lead': lead.id, 'stage': lead.stage_id.id, 'order': order.id, 'state': order.state,
    'waiting': waiting.id, 'attachment': paper.attachment_id.id, 'sha256': paper.sha256,
    'activities': (lead + waiting).activity_ids.ids,
}
env.cr.commit()
import json
print('--papers--' + json.dumps(result))
"""

UNINSTALL = """
module = env['ir.module.module'].search([('name', '=', 'sales_process')])
module.button_immediate_uninstall()
env.cr.commit()
"""

AFTERWARDS = """
import hashlib, json
paper = env['ir.attachment'].browse(PAPERS['attachment'])
order = env['sale.order'].browse(PAPERS['order'])
lead = env['crm.lead'].browse(PAPERS['lead'])
lead.stage_id = env['crm.stage'].search([('id', '!=', lead.stage_id.id)], limit=1)
order.action_confirm()
print('--after--' + json.dumps({
    'sha256': hashlib.sha256(paper.raw).hexdigest(), 'attached to': [paper.res_model, paper.res_id],
    'state': order.state, 'activities': env['mail.activity'].browse(PAPERS['activities']).exists().ids,
}))
env.cr.rollback()
"""


class Database:
    """A database of its own, copied from the template that knows only Odoo's modules."""

    def __init__(self, name):
        self.server = postgres.server("test")
        self.name = f"{templates.PREFIX}_{name}"
        databases.copy(self.server, templates.library(self.server, demo=False), self.name)
        self.conf = templates.conf(self.server, name)

    def shell(self, code, mark=None):
        printed = odoo_server.shell(self.conf, self.name, code)
        return json.loads(printed.rpartition(mark)[2]) if mark else None

    def rows(self, query, values=()):
        return databases.rows(self.server, self.name, query, values)

    def traces(self):
        return {kind: {name for (name,) in self.rows(query) if name} for kind, query in TRACES.items()}

    def columns(self, table):
        query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY 1"
        return [name for (name,) in self.rows(query, (table,))]

    def fingerprint(self, table, columns, ids=None):
        """A hash of these columns of each row, by the row's id."""
        listed = ", ".join(f'"{column}"' for column in columns)
        where = "WHERE id = ANY(%s)" if ids is not None else ""
        query = f"SELECT id, md5(ROW({listed})::text) FROM {table} {where} ORDER BY id"
        return dict(self.rows(query, (ids,) if ids is not None else ()))


@pytest.fixture(scope="module")
def database():
    """Odoo with a company's own work, before our add-on comes."""
    database = Database("install")
    try:
        database.shell(COMPANY_AT_WORK)
        yield database
    finally:
        databases.drop(database.server, database.name)


@pytest.fixture(scope="module")
def before(database):
    columns = {table: database.columns(table) for table in THEIRS}
    # New groups make Odoo compute anew which of its users' contacts are internal.
    columns["res_partner"].remove("write_date")
    return {
        "traces": database.traces(),
        "columns": columns,
        "rows": {table: database.fingerprint(table, columns[table]) for table in THEIRS},
        "mails": database.rows("SELECT count(*) FROM mail_mail"),
    }


@pytest.fixture(scope="module")
def installed(database, before):
    odoo_server.install(database.conf, database.name, addons.installable(), demo=False)
    odoo_server.check_installed(database.server, database.name, ["sales_process"])
    return database


@pytest.fixture(scope="module")
def papers(installed):
    """The process at work; what it left with the company."""
    return installed.shell(PROCESS_AT_WORK, "--papers--")


@pytest.fixture(scope="module")
def uninstalled(installed, papers):
    installed.shell(UNINSTALL)
    return installed


def test_installing_changes_nothing_of_theirs(installed, before):
    changed = {}
    for table in THEIRS:
        now = installed.fingerprint(table, before["columns"][table], list(before["rows"][table]))
        if now != before["rows"][table]:
            changed[table] = [id_ for id_, hash_ in before["rows"][table].items() if now.get(id_) != hash_]
    assert changed == {}


def test_installing_adds_no_stage_and_sends_no_mail(installed, before):
    assert installed.rows("SELECT count(*) FROM crm_stage") == [(len(before["rows"]["crm_stage"]),)]
    assert installed.rows("SELECT count(*) FROM mail_mail") == before["mails"]
    assert installed.rows("SELECT count(*) FROM sales_process_case") == [(0,)]


def test_history_is_filled_in(installed):
    stays = installed.rows(
        "SELECT l.name, s.name->>'en_US', h.date_leave IS NULL, h.won_status FROM crm_lead_stage_history h"
        " JOIN crm_lead l ON l.id = h.lead_id JOIN crm_stage s ON s.id = h.stage_id"
        " JOIN crm_team t ON t.id = l.team_id WHERE t.name->>'en_US' = 'Theirs' ORDER BY h.id"
    )
    of = {name: [stay[1:] for stay in stays if stay[0] == name] for name in {stay[0] for stay in stays}}
    assert of == {
        "moved": [("One", False, "pending"), ("Two", True, "pending")],
        "won": [("One", False, "pending"), ("Two", False, "pending"), ("Three", True, "won")],
        "lost": [("One", False, "pending"), ("Two", False, "lost")],
        "restored": [("One", False, "lost"), ("One", True, "pending")],
        "untouched": [("One", True, "pending")],
    }


def test_history_knows_every_lead(installed):
    missing = installed.rows(
        "SELECT l.id FROM crm_lead l WHERE l.stage_id IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM crm_lead_stage_history h WHERE h.lead_id = l.id)"
    )
    wrong = installed.rows(
        "SELECT l.id FROM crm_lead l"
        " LEFT JOIN crm_lead_stage_history h ON h.lead_id = l.id AND h.date_leave IS NULL"
        " WHERE h.stage_id IS DISTINCT FROM CASE WHEN l.won_status = 'lost' THEN NULL ELSE l.stage_id END"
    )
    assert (missing, wrong) == ([], [])


def test_updating_changes_nothing_of_theirs(installed, before):
    odoo_server.install(installed.conf, installed.name, [], demo=False, update=["sales_process"])
    test_installing_changes_nothing_of_theirs(installed, before)


def test_process_worked(papers):
    assert papers["state"] == "sent"
    assert len(papers["activities"]) == 2


def test_uninstalling_leaves_nothing(uninstalled, before):
    now = uninstalled.traces()
    left = {kind: sorted(now[kind] - before["traces"][kind]) for kind in TRACES}
    gone = {kind: sorted(before["traces"][kind] - now[kind]) for kind in TRACES}
    assert {kind: names for kind, names in left.items() if names} == {}
    assert {kind: names for kind, names in gone.items() if names} == {}


def test_what_belongs_to_the_company_stays(uninstalled, papers):
    assert uninstalled.rows("SELECT state FROM sale_order WHERE id = %s", (papers["order"],)) == [("sent",)]
    assert uninstalled.rows("SELECT stage_id FROM crm_lead WHERE id = %s", (papers["lead"],)) == [
        (papers["stage"],)
    ]
    after = uninstalled.shell(AFTERWARDS.replace("PAPERS", repr(papers)), "--after--")
    assert after == {
        "sha256": papers["sha256"], "attached to": ["sale.order", papers["order"]], "state": "sale",
        "activities": [],
    }  # fmt: skip


def test_their_rows_stay(uninstalled, before):
    """Of what was there before nothing is missing, and nothing has lost a column."""
    for table in THEIRS:
        assert set(before["columns"][table]) <= set(uninstalled.columns(table))
        assert set(before["rows"][table]) <= set(uninstalled.fingerprint(table, ["id"]))
    for table in ("sale_order", "sale_order_line", "crm_stage", "crm_lost_reason"):
        ids = list(before["rows"][table])
        assert uninstalled.fingerprint(table, before["columns"][table], ids) == before["rows"][table], table


def test_install_again(uninstalled):
    odoo_server.install(uninstalled.conf, uninstalled.name, ["sales_process"], demo=False)
    odoo_server.check_installed(uninstalled.server, uninstalled.name, ["sales_process"])
    test_history_knows_every_lead(uninstalled)
