from lxml import etree
from markupsafe import Markup
from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged, users
from odoo.tests.common import Form

from .common import ProcessCase

VIEWS = {
    "sales.process": ("list", "kanban", "form", "search"),
    "sales.process.step": ("form",),
    "sales.process.task": ("list", "kanban", "calendar", "form", "search"),
    "sales.process.case": ("list", "form", "search"),
    "sales.process.message": ("list", "search"),
    "sales.call": ("list", "kanban", "form", "search", "pivot", "graph"),
    "crm.lead": ("list", "kanban", "form", "search"),
    "crm.team": ("form",),
    "crm.lost.reason": ("list", "form"),
}


class GateCase(ProcessCase):
    """The shipped process has no gate: one is added."""

    def _add_gate(self):
        """A gate before the proposal, on a process that is active."""
        self.process.sudo().write({"state": "draft"})
        self.env["sales.process.gate"].create(
            {
                "process_id": self.process.id,
                "name": "The value is known",
                "kind": "fields",
                "phase_id": self.process.phase_ids.filtered(lambda phase: phase.code == "proposal").id,
                "field_ids": [Command.link(self.env.ref("crm.field_crm_lead__expected_revenue").id)],
            }
        )
        self.process.sudo().write({"state": "active"})


@tagged("post_install", "-at_install")
class TestViews(GateCase):
    """What each role sees, and the small forms that ask for something."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = new_test_user(cls.env, "process_owner", groups="sales_process.group_owner")

    @users("process_rep", "process_leader", "process_owner")
    def test_views_open(self):
        for model, kinds in VIEWS.items():
            self.env[model].get_views([(False, kind) for kind in kinds])

    def test_menus(self):
        tree = {
            user: user.env["ir.ui.menu"].with_user(user)._visible_menu_ids()
            for user in (self.rep, self.leader, self.owner)
        }
        menu = {
            name: self.env.ref(f"sales_process.menu_{name}").id
            for name in ("tasks_mine", "tasks", "error_desk", "config_process")
        }
        self.assertIn(menu["tasks_mine"], tree[self.rep])
        self.assertNotIn(menu["tasks"], tree[self.rep])
        self.assertNotIn(menu["error_desk"], tree[self.rep])
        self.assertIn(menu["error_desk"], tree[self.leader])
        self.assertIn(menu["config_process"], tree[self.owner])

    def test_form_has_only_this_steps_fields(self):
        lead = self._lead(contact_name=False, partner_name=False, email_from=False, phone=False)
        form = self._task(lead, "complete_lead").get_form()
        (part,) = form["parts"]
        self.assertEqual(part["names"], ["contact_name", "phone", "email_from", "description"])
        self.assertEqual(part["needs"]["phone"], {"outcomes": ["done"], "instead": "email_from"})
        self.assertEqual([outcome["code"] for outcome in form["outcomes"]], ["done", "duplicate", "spam"])
        self.assertTrue(form["outcomes"][1]["asks_merge"])

    def test_form_shows_what_was_before(self):
        lead, task = self._at_call()
        task.complete("reached", {"duration": 4}, "Friendly")
        form = self._task(lead, "contact_result").get_form()
        self.assertEqual(form["history"][0]["step"], "Call the customer")
        self.assertEqual((form["history"][0]["comment"], form["history"][0]["minutes"]), ("Friendly", 4.0))
        self.assertTrue(form["task"]["open"])

    def test_form_tells_the_story_with_the_customer(self):
        lead, task = self._at_call()
        lead.message_post(body=Markup("<p>We have <b>two</b> offices.</p>"), message_type="comment")
        company = self.env["res.partner"].create({"name": "Customer", "is_company": True})
        theirs = self._lead(name="Last year")
        theirs.sudo().user_id = self.colleague
        twin = self._lead(name="Second floor")
        (lead | theirs | twin).sudo().partner_id = company
        self.env["calendar.event"].create(
            {
                "name": "Look around",
                "opportunity_id": lead.id,
                "start": self._in(hours=1),
                "stop": self._in(hours=2),
            }
        )
        story = task.with_user(self.rep).get_form()["story"]
        self.assertEqual(story["mails"][0]["text"], "We have *two* offices.")
        self.assertFalse(story["mails"][0]["theirs"])
        self.assertEqual([meeting["name"] for meeting in story["meetings"]], ["Look around"])
        self.assertEqual([deal["id"] for deal in story["deals"]], [twin.id], "a colleague's is not shown")
        self.assertEqual(story["papers"], [])

    def test_story_costs_the_same_for_much(self):
        lead, task = self._at_call()
        lead.partner_id = self.env["res.partner"].create({"name": "Customer", "is_company": True})

        def more():
            lead.message_post(body="Hello", message_type="comment")
            self._lead(name="Another", partner_id=lead.partner_id.id)

        more()
        task.get_form()
        few = self._statements(task.get_form)
        for _number in range(5):
            more()
        self.assertLessEqual(self._statements(task.get_form), few + 1)

    def test_form_of_a_done_task_asks_nothing(self):
        _lead, task = self._at_call()
        task.complete("not_reached")
        form = task.get_form()
        self.assertFalse(form["task"]["open"] or form["parts"] or form["outcomes"])

    def test_form_is_not_for_others(self):
        _lead, task = self._at_call()
        with self.assertRaises(AccessError):
            task.with_user(self.colleague).get_form()

    def test_lead_shows_the_current_task(self):
        lead, task = self._at_call()
        lead.invalidate_recordset()
        self.assertEqual(lead.process_task_id, task)
        self.assertEqual((lead.process_user_id, lead.process_is_late), (self.rep, False))
        task.sudo().date_deadline = self._in(hours=-1)
        self.assertTrue(lead.process_is_late)
        self.assertIn(
            lead, self.env["crm.lead"].search([("process_open_task_ids", "any", [("is_late", "=", True)])])
        )

    def test_kanban_reads_in_batch(self):
        names = ["process_step_now", "process_is_late", "process_is_failed", "process_state"]
        leads = self.env["crm.lead"].browse([self._lead(name=f"Lead {number}").id for number in range(12)])
        leads.read(names)
        counts = []
        for some in (leads[:2], leads):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some.with_user(self.leader).read(names)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 1)

    def test_cards_ask_for_nothing_of_the_process(self):
        """The board's cards cost what they cost without us; what they say of the process is read later."""
        view = self.env.ref("crm.crm_case_kanban_view_leads")
        arch = etree.fromstring(self.env["crm.lead"].with_user(self.rep).get_view(view.id, "kanban")["arch"])
        names = {node.get("name") for node in arch.iter("field")}
        self.assertIn("tag_ids", names)
        self.assertFalse({name for name in names if name.startswith(("process_", "speed_"))})
        self.assertTrue(arch.xpath("//widget[@name='sales_process_card']"))

    def test_map(self):
        lead, _task = self._at_call()
        drawing = self.process.with_user(self.leader).get_map()
        node = {node["code"]: node for node in drawing["nodes"]}
        self.assertEqual(len(node), len(self.process.step_ids))
        self.assertGreaterEqual(node["call_customer"]["open"], 1)
        codes = set(node)
        self.assertTrue(all({edge["from"], edge["to"]} <= codes for edge in drawing["edges"]))
        way = lead.with_user(self.rep).process_get_map()["way"]
        self.assertEqual((way["complete_lead"]["state"], way["call_customer"]["state"]), ("passed", "now"))

    def test_activity_tells_the_client(self):
        _lead, task = self._at_call()
        data = task.sudo().activity_id.with_user(self.rep).activity_format()["mail.activity"]
        self.assertEqual(data[0]["process_task"], task.id)

    def test_pause_and_refuse(self):
        lead, _task = self._at_call()
        wizard = self.env["sales.process.pause"].with_user(self.rep).with_context(active_ids=lead.ids)
        wizard.create({"reason": "On holiday"}).action_pause()
        self.assertEqual(lead.process_state, "paused")
        lead.process_resume()
        reason = self.env["crm.lost.reason"].search([], limit=1)
        wizard = self.env["sales.process.refuse"].with_user(self.rep).with_context(active_ids=lead.ids)
        wizard.create({"lost_reason_id": reason.id, "comment": "Too dear"}).action_refuse()
        self.assertEqual((lead.process_state, lead.lost_reason_id), ("lost", reason))

    def test_hand_over(self):
        _lead, task = self._at_call()
        wizard = self.env["sales.process.reassign"].with_context(active_ids=task.ids)
        wizard.with_user(self.rep).create({"user_id": self.colleague.id}).action_reassign()
        self.assertEqual(task.sudo().user_id, self.colleague)

    def test_leave_out(self):
        lead, task = self._at_call()
        wizard = self.env["sales.process.skip"].with_user(self.leader).with_context(active_id=task.id)
        form = Form(wizard)
        form.reason = "They called us"
        form.save().action_apply()
        self.assertTrue(self._task(lead, "contact_result"))

    def test_enroll_counts_before_it_enters(self):
        Lead = self.env["crm.lead"].with_context(sales_process_no_start=True)
        fresh = Lead.create(
            [
                {"name": f"Old {number}", "team_id": self.team.id, "user_id": self.rep.id}
                for number in range(3)
            ]
        )
        busy = self._lead()
        lost = Lead.create({"name": "Gone", "team_id": self.team.id})
        lost.action_set_lost()
        stage = self.process.phase_ids.filtered(lambda phase: phase.code == "contact").stage_ids[:1]
        fresh[0].stage_id = stage
        wizard = (
            self.env["sales.process.enroll"]
            .with_user(self.leader)
            .with_context(
                active_model="crm.lead",
                active_ids=(fresh | busy | lost).ids,
            )
            .create({})
        )
        self.assertEqual(
            (wizard.team_id, wizard.process_id, wizard.enter_count), (self.team, self.process, 3)
        )
        self.assertIn("Call the customer", wizard.preview)
        mails = self.env["mail.mail"].search_count([])
        wizard.action_enroll()
        self.assertEqual(set(fresh.mapped("process_state")), {"running"})
        self._task(fresh[0], "call_customer")
        fresh.process_run_queued()
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)
        with self.assertRaises(UserError):
            wizard.action_enroll()

    def test_gate_says_what_would_help(self):
        self._add_gate()
        lead, _task = self._at_call()
        stage = self.process.phase_ids.filtered(lambda phase: phase.code == "proposal")._stage_for(self.team)
        gate = lead.with_user(self.rep).process_get_gate(stage.id)
        self.assertEqual(gate["part"]["names"], ["expected_revenue"])
        lead.expected_revenue = 10
        self.assertFalse(lead.with_user(self.rep).process_get_gate(stage.id))

    def test_settings(self):
        params = self.env["ir.config_parameter"].sudo()
        self.env["res.config.settings"].create(
            {"sales_process_quiet_to": 0, "sales_process_mail_paused": True}
        ).execute()
        self.assertEqual(params.get_param("sales_process.mail_paused"), "True")
        self.assertEqual(float(params.get_param("sales_process.quiet_to")), 0)
        self.assertEqual(self.env["sales.process.message"]._quiet_hours()[1], 0)


@tagged("post_install", "-at_install")
class TestTours(HttpCase, GateCase):
    """The same in a real browser."""

    def _tour(self, name, url):
        self.start_tour(url, name, login="process_rep", timeout=90)

    def test_card(self):
        """A card says where its deal stands in the process, once the board is there."""
        _lead, task = self._at_call(name="Late deal", type="opportunity")
        task.sudo().date_deadline = self._in(hours=-1)
        self._lead(name="Plain deal", type="opportunity", team_id=self.plain_team.id)
        self._tour("sales_process_card", "/odoo/action-crm.crm_lead_action_pipeline")

    def test_tour_not_reached(self):
        lead, task = self._at_call(name="Tour request", contact_name="Tina Tour", phone="+49 30 555")
        self._tour(
            "sales_process_task_not_reached", "/odoo/action-sales_process.action_sales_process_task_mine"
        )
        self.assertEqual(
            (task.state, task.outcome_code, task.comment), ("done", "not_reached", "Nobody picked up")
        )
        self.assertEqual(lead.process_state, "running")

    def test_tour_reached_then_refused(self):
        lead, _task = self._at_call(name="Tour request", contact_name="Tina Tour", phone="+49 30 555")
        self._tour("sales_process_task_reached", "/odoo/action-sales_process.action_sales_process_task_mine")
        self.assertEqual(lead.process_state, "lost")

    def test_tour_page_of_a_task(self):
        lead, call = self._at_call()
        call.complete("reached")
        task = self._task(lead, "contact_result")
        mine = "/odoo/action-sales_process.action_sales_process_task_mine"
        self._tour("sales_process_task_page", f"{mine}/{task.id}")

    def test_tour_gate(self):
        self._add_gate()
        phase = self.process.search([("code", "=", "new_business"), ("state", "=", "active")]).phase_ids[2]
        phase._stage_for(self.team).name = "Stage of proposals"
        lead, _task = self._at_call(name="Tour request", type="opportunity")
        self._tour("sales_process_gate", f"/odoo/crm.lead/{lead.id}")
        self.assertEqual(lead.expected_revenue, 1200)
        self._task(lead, "make_proposal")
