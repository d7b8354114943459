from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged

from .common import ProcessCase


class MapCase(ProcessCase):
    """Three deals of the rep and one of the colleague stand at the call."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.now = fields.Datetime.now()
        cls.leads = cls._deals_at_call(
            [
                ("One", 100, cls.rep),
                ("Two", 200, cls.rep),
                ("Three", 300, cls.rep),
                ("Four", 4000, cls.colleague),
            ]
        )
        cls.calls = cls.leads.process_open_task_ids.sorted("id")

    def stand(self, task, hours, late=False, opened=None):
        """Let a task be open for some hours, and its deadline be over or ahead."""
        begin = self.now - timedelta(hours=hours)
        task.sudo().write(
            {"date_open": begin, "date_deadline": self.now + timedelta(hours=-1 if late else 5)}
        )
        task.flush_recordset()
        self.env.cr.execute(
            "UPDATE sales_process_task SET create_date = %s WHERE id = %s", (opened or begin, task.id)
        )
        task.invalidate_recordset()

    def map(self, user=None, **filters):
        self.env.flush_all()
        return self.process.with_user(user or self.leader).get_map(filters)

    def node(self, code="call_customer", user=None, **filters):
        nodes = self.map(user, team_id=self.team.id, **filters)["nodes"]
        [node] = [node for node in nodes if node["code"] == code]
        return node

    def opened(self, code="call_customer", user=None, late=False, **filters):
        """The deals that a click shows, as the web client reads them."""
        process = self.process.with_user(user or self.leader)
        step = self.process.step_ids.filtered(lambda step: step.code == code)
        action = process.action_map_open(step.id, {"team_id": self.team.id, **filters}, late)
        self.assertIn("No deal", action["help"], "an empty list says so, not with made-up deals alone")
        return process.env[action["res_model"]].with_context(**action["context"]).search(action["domain"])


@tagged("post_install", "-at_install", "sales_process_map")
class TestProcessMap(MapCase):
    def test_figures(self):
        for task, hours in zip(self.calls, (10, 20, 60, 90), strict=True):
            self.stand(task, hours, late=hours > 50)
        node = self.node()
        self.assertEqual((node["open"], node["late"], node["amount"]), (4, 2, 4600))
        self.assertAlmostEqual(node["wait"], 40, 0)
        self.assertAlmostEqual(node["waited"], 180, 0)
        self.assertEqual(node["share"], {"waited": 1, "amount": 1, "late": 1})
        self.assertEqual(node["level"], {"waited": 4, "amount": 4, "late": 4})
        self.assertEqual(self.node("make_proposal")["open"], 0)
        self.assertIs(self.node("make_proposal")["wait"], False)

    def test_click_opens_what_is_counted(self):
        for task, hours in zip(self.calls, (10, 20, 60, 90), strict=True):
            self.stand(task, hours, late=hours > 50)
        self.assertEqual(self.opened(), self.leads)
        self.assertEqual(self.opened(late=True), self.leads[2:])
        for user in (self.rep, self.colleague):
            self.assertEqual(len(self.opened(user=user)), self.node(user=user)["open"])
            self.assertEqual(len(self.opened(user=user, late=True)), self.node(user=user)["late"])

    def test_a_deal_counts_once_in_the_totals(self):
        """One that stands at two steps counts at both of them, and once in all."""
        other = self.process.step_ids.filtered(lambda step: step.code == "make_proposal")
        self.calls[0].sudo().copy({"step_id": other.id, "case_id": self.calls[0].case_id.id})
        drawing = self.map(team_id=self.team.id)
        self.assertEqual(sum(node["open"] for node in drawing["nodes"]), 5)
        self.assertEqual((drawing["totals"]["open"], drawing["totals"]["amount"]), (4, 4600))

    def test_what_left(self):
        for task, hours in zip(self.calls[:3], (1, 3, 50), strict=True):
            self.stand(task, hours)
            task.with_user(self.rep).complete("reached")
        node = self.node()
        self.assertEqual((node["open"], node["left"]), (1, 3))
        self.assertAlmostEqual(node["usual"], 3, 0)
        reached = [edge for edge in self.map(team_id=self.team.id)["edges"] if edge["outcome"] == "Reached"]
        self.assertEqual([edge["count"] for edge in reached], [3])
        self.calls[:2].sudo().write({"date_done": self.now - timedelta(days=40)})
        self.assertEqual(self.node(days=30)["left"], 1)
        self.assertEqual(self.node(days=0)["left"], 3)

    def test_passed_over_took_no_time(self):
        passed = self.node("complete_lead")
        self.assertEqual((passed["left"], passed["usual"]), (0, None))
        [edge] = [
            edge for edge in self.map(team_id=self.team.id)["edges"]
            if edge["from"] == "complete_lead" and edge["to"] == "welcome_mail"
        ]  # fmt: skip
        self.assertEqual(edge["count"], 4)

    def test_as_of(self):
        """What stood where at a moment gone by, lost deals and those that went on included."""
        for number, task in enumerate(self.calls):
            self.stand(task, 100 - 10 * number)
        self.calls[0].with_user(self.rep).complete("reached")
        self.calls[1].lead_id.process_refuse(self.env["crm.lost.reason"].create({"name": "No"}).id)
        before = fields.Datetime.to_string(self.now - timedelta(hours=75))
        self.assertEqual(self.node()["open"], 2)
        then = self.node(as_of=before)
        self.assertEqual(then["open"], 3)
        self.assertAlmostEqual(then["wait"], 15, 0)
        self.assertEqual(self.opened(as_of=before), self.leads[:3])
        self.assertEqual(
            self.node(as_of=fields.Datetime.to_string(self.now - timedelta(hours=200)))["open"], 0
        )

    def test_late_then(self):
        self.stand(self.calls[0], 100)
        self.calls[0].sudo().date_deadline = self.now - timedelta(hours=50)
        for hours, late in ((60, 0), (40, 1)):
            as_of = fields.Datetime.to_string(self.now - timedelta(hours=hours))
            self.assertEqual(self.node(as_of=as_of)["late"], late)
            self.assertEqual(len(self.opened(as_of=as_of, late=True)), late)

    def test_the_event_log_tells_the_same(self):
        """Played back by other code, the log leaves the same deals at the same steps."""
        self.calls[0].with_user(self.rep).complete("not_reached")
        self.calls[1].with_user(self.rep).complete("reached")
        self.env["sales.process.event"].flush_model()
        standing = set()
        for event in self.env["sales.process.event"].search([("lead_id", "in", self.leads.ids)], order="id"):
            place = (event.step_id.code, event.lead_id.id)
            if event.kind == "opened":
                standing.add(place)
            elif event.kind in ("done", "cancelled"):
                standing.discard(place)
        drawn = {
            (node["code"], lead)
            for node in self.map(team_id=self.team.id)["nodes"]
            if node["open"]
            for lead in self.opened(node["code"]).ids
        }
        self.assertEqual(drawn, standing)

    def test_a_moment_ahead_is_now(self):
        drawing = self.map(team_id=self.team.id, as_of=fields.Datetime.to_string(self._in(days=3)))
        self.assertTrue(drawing["is_now"])
        self.assertEqual(drawing["totals"]["open"], 4)

    def test_team(self):
        self.leads[0].team_id = self.env["crm.team"].create({"name": "Others"})
        self.assertEqual(self.node()["open"], 3)
        self.assertEqual(self.map(team_id=self.leads[0].team_id.id)["totals"]["open"], 1)

    def test_currency(self):
        euro, dollar = self.env.ref("base.EUR"), self.env.ref("base.USD")
        (euro | dollar).active = True
        other = dollar if self.company.currency_id == euro else euro
        abroad = self.env["res.company"].create({"name": "Abroad", "currency_id": other.id})
        self.env["res.currency.rate"].search([("currency_id", "in", (euro | dollar).ids)]).unlink()
        self.env["res.currency.rate"].create(
            {"currency_id": other.id, "company_id": self.company.id, "name": "2020-01-01", "rate": 2}
        )
        self.leader.company_ids |= abroad
        self.env.flush_all()
        # A lead of another company in a process that both share.
        self.env.cr.execute(
            "UPDATE crm_lead SET company_id = %s WHERE id = %s", (abroad.id, self.leads[3].id)
        )
        self.env.cr.execute(
            "UPDATE sales_process_task SET company_id = %s WHERE lead_id = %s", (abroad.id, self.leads[3].id)
        )
        self.env.invalidate_all()
        both = self.process.with_user(self.leader).with_context(
            allowed_company_ids=[self.company.id, abroad.id]
        )
        # The reader's company gives the currency, the deal's own company the rates.
        self.env["res.currency.rate"].create(
            {
                "currency_id": self.company.currency_id.id,
                "company_id": abroad.id,
                "name": "2020-01-01",
                "rate": 0.5,
            }
        )
        totals = both.get_map({"team_id": self.team.id})["totals"]
        self.assertEqual((totals["open"], totals["amount"]), (4, 600 + 4000 * 0.5))

    def test_constant_cost(self):
        """Two statements for the figures, however many deals there are."""
        counts = []
        for some in (self.leads, self.leads.copy()):
            some.with_user(self.env.ref("base.user_root")).process_run_queued()
            self._statements(lambda: self.map(team_id=self.team.id))  # what is read once a process
            counts.append(self._statements(lambda: self.map(team_id=self.team.id)))
        self.assertEqual(counts[0], counts[1])
        drawing = self._statements(self.process.with_user(self.leader)._map_drawing)
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertQueryCount(drawing + 3):
            self.process.with_user(self.leader).get_map({"team_id": self.team.id})

    def test_bad_filters(self):
        for filters in (
            {"as_of": "yesterday"},
            {"days": "90"},
            {"team_id": -1},
            {"teams": [1]},
            {"days": 2**40},
        ):
            with self.subTest(filters), self.assertRaises(UserError):
                self.map(**filters)
        with self.assertRaises(UserError):
            self.process.with_user(self.rep).action_map_open(self.renewal.step_ids[0].id)

    def test_draft_opens_its_step(self):
        draft = self.process.sudo().copy()
        action = draft.action_map_open(draft.step_ids[0].id)
        self.assertEqual(
            (action["res_model"], action["res_id"]), ("sales.process.step", draft.step_ids[0].id)
        )

    def test_way_of_a_lead(self):
        self.calls[0].with_user(self.rep).complete("not_reached")
        drawing = self.leads[0].with_user(self.rep).process_get_map()
        self.assertEqual(drawing["path"][-2:], ["call_customer", "call_customer"])
        self.assertEqual(drawing["way"]["call_customer"], {"state": "now", "visits": 2})
        self.assertEqual(drawing["way"]["complete_lead"]["state"], "passed")
        self.assertNotIn("open", drawing["nodes"][0])


@tagged("post_install", "-at_install", "sales_process_map")
class TestProcessMapRights(MapCase):
    def test_own_and_all(self):
        self.assertEqual(self.node(user=self.rep)["amount"], 600)
        self.assertEqual(self.node(user=self.colleague)["amount"], 4000)
        self.assertEqual(self.node(user=self.leader)["amount"], 4600)

    def test_a_task_for_somebody_elses_deal_shows_no_figures_afterwards(self):
        """Who stood in for a colleague sees the deal for as long, and its figures no longer."""
        self.calls[0].sudo().user_id = self.colleague
        self.assertEqual(self.node(user=self.colleague)["open"], 2)
        self.calls[0].with_user(self.colleague).complete("reached")
        self.assertEqual(self.node(user=self.colleague)["left"], 0)
        self.assertEqual(self.node(user=self.rep)["left"], 1)

    def test_companies_apart(self):
        abroad = self.env["res.company"].create({"name": "Abroad"})
        stranger = new_test_user(
            self.env, "map-stranger", "sales_process.group_leader",
            company_id=abroad.id, company_ids=abroad.ids,
        )  # fmt: skip
        self.leads.company_id = self.company
        self.assertEqual(self.map(stranger)["totals"]["open"], 0)
        self.assertFalse(self.opened(user=stranger))

    def test_outsider(self):
        outsider = new_test_user(self.env, "map-outsider", "base.group_user")
        with self.assertRaises(AccessError):
            self.map(outsider)
        with self.assertRaises(AccessError):
            self.leads[0].with_user(outsider).process_get_map()

    def test_lead_of_another_rep(self):
        with self.assertRaises(AccessError):
            self.leads[0].with_user(self.colleague).process_get_map()


@tagged("post_install", "-at_install", "sales_process_map")
class TestProcessMapScreen(HttpCase):
    def test_tour(self):
        """Sixty steps can be read; figures, colours, keys and clicks; back again the map is as it was."""
        self.env["crm.lead"].search([]).unlink()
        self.long_process()
        process = self.env.ref("sales_process.process_new_business")
        team = self.env["crm.team"].create({"name": "Mapped"})
        process.team_ids |= team
        leads = self.env["crm.lead"].create(
            [
                {"name": f"Mapped {number}", "contact_name": "Ann", "partner_name": "Buyer",
                 "email_from": "ann@buyer.example.org", "phone": "+49 30 1234567", "team_id": team.id,
                 "expected_revenue": 100, "user_id": self.env.ref("base.user_admin").id}
                for number in range(3)
            ]
        )  # fmt: skip
        leads.process_run_queued()
        self.start_tour("/odoo/process-map", "sales_process_map", login="admin")

    def long_process(self):
        """60 steps of all kinds in six phases, with loops, shortcuts and repetitions."""
        process = self.env["sales.process"].create(
            {
                "name": "Long way",
                "code": "long_way",
                "phase_ids": [
                    Command.create({"name": f"Phase {place}", "code": f"p{place}"}) for place in range(6)
                ],
            }
        )
        kinds = [kind for kind, _text in self.env["sales.process.step"]._fields["kind"].selection]
        steps = self.env["sales.process.step"].create(
            [
                {"process_id": process.id, "code": f"s{place}", "name": f"A step with a longer name {place}",
                 "kind": kinds[place % len(kinds)], "sequence": place,
                 "phase_id": process.phase_ids[place // 10].id}
                for place in range(60)
            ]
        )  # fmt: skip
        ways = [(place, place + 1) for place in range(59)]
        ways += [(place, place - 5) for place in range(8, 60, 7)]
        ways += [(place, place + 9) for place in range(2, 50, 5)] + [
            (place, place) for place in range(5, 60, 11)
        ]
        self.env["sales.process.outcome"].create(
            [
                {
                    "step_id": steps[start].id,
                    "code": f"to_{end}",
                    "name": f"To {end}",
                    "next_step_id": steps[end].id,
                }
                for start, end in ways
            ]
        )
        process.sudo().write({"state": "active"})
