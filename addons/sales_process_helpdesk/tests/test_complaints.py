from datetime import timedelta

from odoo import Command, fields
from odoo.addons.sales_process.tests.common import ProcessCase
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged


@tagged("post_install", "-at_install", "sales_process")
class TestComplaints(ProcessCase):
    """Open tickets of a customer's company, where its contracts are renewed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        Stage = cls.env["helpdesk.ticket.stage"]
        cls.open_stage, cls.closed_stage = Stage.create(
            [{"name": "In progress"}, {"name": "Solved", "closed": True}]
        )
        cls.helpdesk = cls.env["res.users"].create(
            {
                "name": "Hanna Helpdesk",
                "login": "complaints_helpdesk",
                "group_ids": [Command.link(cls.env.ref("helpdesk_mgmt.group_helpdesk_user").id)],
            }
        )
        cls.customer = cls.env["res.partner"].create(
            {
                "name": "Customer Ltd",
                "is_company": True,
                "email": "office@customer.example.org",
                "phone": "+49 30 1234567",
                "child_ids": [
                    Command.create({"name": "Carla Customer", "email": "carla@customer.example.org"})
                ],
            }
        )
        cls.carla = cls.customer.child_ids
        cls.other_company = cls.env["res.company"].create({"name": "Second Company"})
        cls.contract = cls._contract(cls.customer)

    @classmethod
    def _contract(cls, partner, **values):
        """A running contract of the rep's that ends in 45 days."""
        today = fields.Date.today()
        contract = cls.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "user_id": cls.rep.id,
                "team_id": cls.team.id,
                "contract_date_start": today - timedelta(days=320),
                "contract_date_end": today + timedelta(days=45),
                "order_line": [Command.create({"product_id": cls.product.id, "price_unit": 1000.0})],
                **values,
            }
        )
        contract._contract_set(
            {
                "contract_number": contract._contract_next_number(),
                "contract_state": "running",
                "state": "sale",
            }
        )
        return contract

    @classmethod
    def _ticket(cls, partner=None, **values):
        return cls.env["helpdesk.ticket"].create(
            {
                "name": "The screen stays dark",
                "description": "<p>Since Monday</p>",
                "partner_id": (partner or cls.carla).id,
                "stage_id": cls.open_stage.id,
                **values,
            }
        )

    def _call(self, contract=None):
        """The renewal's first task for a person."""
        lead = (contract or self.contract)._contract_start_renewal()
        self._run(lead)
        return self._task(lead, "renewal_call")

    def _count(self, record=None, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        return (record or self.contract).with_user(user or self.rep).complaint_count

    def _may_read_all(self):
        self.rep.group_ids += self.env.ref("helpdesk_mgmt.group_helpdesk_user")

    # -- how many ---------------------------------------------------------------------------------

    def test_of_the_whole_company(self):
        self.assertEqual(self._count(), 0)
        self._ticket(self.customer)
        self._ticket(self.carla)
        self._ticket(self.env["res.partner"].create({"name": "Somebody else"}))
        self.assertEqual(self._count(), 2)

    def test_of_a_contract_with_a_contact(self):
        self._ticket(self.customer)
        self.assertEqual(self._count(self._contract(self.carla)), 1)

    def test_closed_and_archived_ones_do_not_count(self):
        ticket = self._ticket()
        self._ticket(stage_id=self.closed_stage.id)
        self._ticket(active=False)
        self.assertEqual(self._count(), 1)
        ticket.stage_id = self.closed_stage
        self.assertEqual(self._count(), 0)

    def test_complaints_to_another_company_of_ours(self):
        self._ticket(company_id=self.other_company.id)
        self.assertEqual(self._count(), 0)
        self.rep.company_ids += self.other_company
        both = self.contract.with_user(self.rep).with_context(
            allowed_company_ids=(self.company | self.other_company).ids
        )
        self.assertEqual(both.complaint_count, 0, "complained of to another company, whoever looks")
        self.assertEqual(both._complaints(3), (0, []))

    def test_on_the_renewal_lead(self):
        self._ticket()
        lead = self.contract._contract_start_renewal()
        self.assertEqual(self._count(lead), 1)

    def test_found_by_the_filter(self):
        quiet, twice = self._contract(self.env["res.partner"].create({"name": "Quiet"})), self.contract
        self._ticket()
        self._ticket()
        ours = [("id", "in", (quiet + twice).ids)]
        search = self.env["sale.order"].with_user(self.rep).search
        for domain, found in (
            ([("complaint_count", ">", 0)], twice),
            ([("complaint_count", ">", 1)], twice),
            ([("complaint_count", ">", 2)], quiet.browse()),
            ([("complaint_count", "=", 2)], twice),
            ([("complaint_count", "=", 0)], quiet),
            ([("complaint_count", "!=", 0)], twice),
            ([("complaint_count", "<", 2)], quiet),
            ([("complaint_count", ">=", 0)], quiet + twice),
        ):
            self.assertEqual(search(ours + domain), found, domain)

    def test_the_filter_knows_companies(self):
        self._ticket(company_id=self.other_company.id)
        search = self.env["sale.order"].with_context(
            allowed_company_ids=(self.company | self.other_company).ids
        )
        self.assertNotIn(self.contract, search.search([("complaint_count", ">", 0)]))

    # -- what they say ----------------------------------------------------------------------------

    def test_the_most_urgent_stand_on_the_task(self):
        self._may_read_all()
        self._ticket(name="A question", priority="0")
        urgent = self._ticket(name="It burns", priority="3", user_id=self.helpdesk.id)
        for number in range(3):
            self._ticket(name=f"Normal {number}")
        shown = self._call().get_form()["complaints"]
        self.assertEqual((shown["count"], shown["readable"], len(shown["rows"])), (5, 5, 3))
        self.assertTrue(shown["renewal"])
        self.assertFalse(shown["hidden"])
        self.assertEqual(
            {name: shown["rows"][0][name] for name in ("model", "id", "number", "title", "who", "urgent")},
            {
                "model": "helpdesk.ticket",
                "id": urgent.id,
                "number": urgent.number,
                "title": "It burns",
                "who": "Hanna Helpdesk",
                "urgent": True,
            },
        )
        self.assertTrue(shown["rows"][0]["since"])
        self.assertFalse(shown["rows"][1]["urgent"])
        self.assertNotIn("A question", [row["title"] for row in shown["rows"]])

    def test_who_may_not_read_tickets_knows_only_how_many(self):
        self._ticket(name="Secret of the helpdesk")
        task = self._call()
        shown = task.get_form()["complaints"]
        self.assertEqual((shown["count"], shown["readable"], shown["rows"]), (1, 0, []))
        self.assertIn("You may not read them", shown["hidden"])
        with self.assertRaises(UserError):
            task.lead_id.action_view_complaints()

    def test_own_tickets_only(self):
        self.rep.group_ids += self.env.ref("helpdesk_mgmt.group_helpdesk_user_own")
        self._ticket(name="Of a colleague", user_id=self.helpdesk.id)
        self._ticket(name="Mine", user_id=self.rep.id)
        shown = self._call().get_form()["complaints"]
        self.assertEqual((shown["count"], [row["title"] for row in shown["rows"]]), (2, ["Mine"]))
        self.assertIn("You may not read 1 of them", shown["hidden"])

    def test_the_button_opens_the_open_ones(self):
        self._may_read_all()
        ticket = self._ticket()
        self._ticket(stage_id=self.closed_stage.id)
        action = self.contract.with_user(self.rep).action_view_complaints()
        found = self.env[action["res_model"]].with_user(self.rep).search(action["domain"])
        self.assertEqual(found, ticket)

    def test_the_contract_of_a_colleague_tells_nothing(self):
        self._ticket()
        with self.assertRaises(AccessError):
            self._count(user=self.colleague)
        with self.assertRaises(AccessError):
            self.contract.with_user(self.colleague).action_view_complaints()

    def test_who_has_nothing_to_do_with_sales_is_told_no_number(self):
        self._ticket()
        with self.assertRaises(AccessError):
            self._count(self.contract, user=self.helpdesk)

    def test_the_views_show_them(self):
        for model, view, kind in (
            ("crm.lead", "crm.crm_lead_view_form", "form"),
            ("sale.order", "sale.view_order_form", "form"),
            ("sale.order", "sales_process.sale_order_view_list_contract", "list"),
            ("sale.order", "sales_process.sale_order_view_kanban_contract", "kanban"),
            ("sale.order", "sales_process.sale_order_view_search_contract", "search"),
        ):
            arch = self.env[model].with_user(self.rep).get_view(self.env.ref(view).id, kind)["arch"]
            self.assertIn("complaint_count", arch, view)

    # -- what the process does with it ------------------------------------------------------------

    def test_the_reminder_waits_for_the_rep(self):
        self._ticket()
        lead = self._call().lead_id
        letter = self.env["sales.process.message"].search([("lead_id", "=", lead.id)])
        self.assertEqual((letter.state, letter.state_why), ("held", "the customer has an open complaint"))
        letter.with_user(self.rep).action_release()
        letter.with_user(self.rep).action_send_now()
        self.assertEqual(letter.state, "sent", "who has let it go is not asked again")

    def test_who_was_talked_to_needs_no_reminder(self):
        self._ticket()
        task = self._call()
        task.complete("agreed")
        letter = self.env["sales.process.message"].search([("lead_id", "=", task.lead_id.id)])
        self.assertEqual(letter.state, "withdrawn")

    def test_without_complaints_the_reminder_goes(self):
        self._ticket(stage_id=self.closed_stage.id)
        lead = self._call().lead_id
        letter = self.env["sales.process.message"].search([("lead_id", "=", lead.id)])
        self.assertNotEqual(letter.state, "held")

    def test_a_reason_on_the_start_page(self):
        self._ticket()
        self._ticket()
        task = self._call()
        self.env.invalidate_all()
        rows = self.env["sales.process.task"].with_user(self.rep).process_what_now()["tasks"]["rows"]
        self.assertIn("open complaints: 2", next(row["reasons"] for row in rows if row["id"] == task.id))

    # -- what it costs ----------------------------------------------------------------------------

    def test_a_list_costs_no_more_for_each(self):
        def contracts(count):
            partners = self.env["res.partner"].create([{"name": f"Customer {n}"} for n in range(count)])
            for partner in partners:
                self._ticket(partner)
            return self.env["sale.order"].union(*(self._contract(partner) for partner in partners))

        def read(orders):
            return self._statements(lambda: orders.with_user(self.rep).mapped("complaint_count"))

        few, many = contracts(2), contracts(20)
        read(few)
        cost = read(few)
        self.assertEqual(read(many), cost)

    def test_the_count_is_one_statement_a_source(self):
        self._ticket()
        self.env.flush_all()
        partners = self.customer | self.env["res.partner"].create({"name": "Quiet"})
        partners.mapped("commercial_partner_id")
        partners._process_complaint_counts(self.company)
        with self.assertQueryCount(len(partners._process_complaint_sources())):
            partners._process_complaint_counts(self.company)
