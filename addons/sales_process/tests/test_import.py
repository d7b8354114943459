import psycopg2
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .test_stage_history import StageHistoryCase


@tagged("post_install", "-at_install", "sales_process_import")
class TestImport(StageHistoryCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context=dict(cls.env.context, tracking_disable=False, mail_create_nolog=False))
        cls.manager = new_test_user(cls.env, "import-manager", "sales_team.group_sale_manager")
        cls.leads = cls.env["crm.lead"].with_user(cls.manager)
        cls.reason = cls.env["crm.lost.reason"].create({"name": "Too late"})

    def row(self, ref="A-1", **changes):
        row = {
            "external_ref": ref,
            "values": {
                "name": "Old deal",
                "team_id": self.team.id,
                "user_id": self.rep.id,
                "expected_revenue": 700,
            },
            "stage_history": [
                {"stage": self.first.id, "date_enter": "2017-01-02 08:00:00", "expected_revenue": 500},
                {"stage": self.second.id, "date_enter": "2017-01-10 08:00:00"},
            ],
        }
        row["values"].update(changes.pop("values", {}))
        row.update(changes)
        return row

    def import_one(self, **changes):
        result = self.leads.process_import([self.row(**changes)])
        self.assertEqual(result["errors"], [])
        return self.env["crm.lead"].browse(result["lead_ids"]["A-1"])

    def history(self, lead):
        rows = self.env["crm.lead.stage.history"].search([("lead_id", "=", lead.id)], order="id")
        return [
            (
                row.stage_id,
                str(row.date_enter),
                str(row.date_leave or ""),
                row.won_status,
                row.expected_revenue,
            )
            for row in rows
        ]

    def test_pending(self):
        lead = self.import_one()
        self.assertEqual((lead.stage_id, lead.won_status, lead.type), (self.second, "pending", "opportunity"))
        self.assertEqual((lead.user_id, lead.team_id, lead.expected_revenue), (self.rep, self.team, 700))
        self.assertEqual(str(lead.create_date), "2017-01-02 08:00:00")
        self.assertEqual(str(lead.date_open), "2017-01-02 08:00:00")
        self.assertEqual(str(lead.date_last_stage_update), "2017-01-10 08:00:00")
        self.assertFalse(lead.date_closed)
        self.assertEqual(
            self.history(lead),
            [
                (self.first, "2017-01-02 08:00:00", "2017-01-10 08:00:00", "pending", 500),
                (self.second, "2017-01-10 08:00:00", "", "pending", 700),
            ],
        )

    def test_won(self):
        lead = self.import_one(won_status="won", date_closed="2017-02-01")
        self.assertEqual((lead.stage_id, lead.won_status, lead.probability), (self.won, "won", 100))
        self.assertEqual(str(lead.date_closed), "2017-02-01 00:00:00")
        self.assertAlmostEqual(lead.day_close, 29, delta=1)
        self.assertEqual(
            [row[:4] for row in self.history(lead)],
            [
                (self.first, "2017-01-02 08:00:00", "2017-01-10 08:00:00", "pending"),
                (self.second, "2017-01-10 08:00:00", "2017-02-01 00:00:00", "pending"),
                (self.won, "2017-02-01 00:00:00", "", "won"),
            ],
        )

    def test_won_in_history(self):
        history = [
            {"stage": self.first.id, "date_enter": "2017-01-02"},
            {"stage": self.won.id, "date_enter": "2017-01-20"},
        ]
        lead = self.import_one(won_status="won", stage_history=history)
        self.assertEqual(str(lead.date_closed), "2017-01-20 00:00:00")
        self.assertEqual(len(self.history(lead)), 2)

    def test_lost(self):
        lead = self.import_one(won_status="lost", date_closed="2017-02-01", lost_reason=self.reason.id)
        self.assertEqual((lead.active, lead.won_status, lead.lost_reason_id), (False, "lost", self.reason))
        self.assertEqual(lead.stage_id, self.second)
        self.assertEqual(str(lead.date_closed), "2017-02-01 00:00:00")
        self.assertEqual(
            self.history(lead)[-1][:4], (self.second, "2017-01-10 08:00:00", "2017-02-01 00:00:00", "lost")
        )

    def test_without_history(self):
        rows = [
            self.row("P", stage_history=[], create_date="2017-01-02"),
            self.row(
                "W", stage_history=[], won_status="won", create_date="2017-01-02", date_closed="2017-02-01"
            ),
            self.row(
                "L", stage_history=[], won_status="lost", create_date="2017-01-02", date_closed="2017-02-01"
            ),
        ]
        result = self.leads.process_import(rows)
        self.assertFalse(result["errors"])
        pending, won, lost = (self.env["crm.lead"].browse(result["lead_ids"][ref]) for ref in "PWL")
        start, end = "2017-01-02 00:00:00", "2017-02-01 00:00:00"
        self.assertEqual([row[:4] for row in self.history(pending)], [(self.first, start, "", "pending")])
        self.assertEqual([row[:4] for row in self.history(won)], [(self.won, end, "", "won")])
        self.assertEqual([row[:4] for row in self.history(lost)], [(self.first, start, end, "lost")])

    def test_history_goes_on(self):
        lead = self.import_one()
        with self.at(1):
            lead.stage_id = self.first
        self.assertEqual(
            [row[2:4] for row in self.history(lead)][-2:],
            [("2026-03-02 10:00:00", "pending"), ("", "pending")],
        )

    def test_again(self):
        lead = self.import_one()
        lead.expected_revenue = 1
        result = self.leads.process_import([self.row(), self.row("A-2")])
        self.assertEqual((result["created"], result["known"], result["errors"]), (1, 1, []))
        self.assertEqual(result["lead_ids"]["A-1"], lead.id)
        self.assertEqual(lead.expected_revenue, 1)
        self.assertEqual(len(self.history(lead)), 2)

    def test_other_companies_are_asked_nothing(self):
        company = self.env["res.company"].create({"name": "Another"})
        team = self.env["crm.team"].create({"name": "Theirs", "company_id": company.id})
        lead = self.env["crm.lead"].create({"name": "Theirs", "company_id": company.id, "team_id": team.id})
        self.env["crm.lead.external.ref"]._link({"A-1": lead}, company)
        for values in (
            {"company_id": company.id, "team_id": False, "user_id": False},
            {"team_id": team.id, "user_id": False},
        ):
            result = self.leads.process_import([self.row(values=values, stage_history=[])])
            self.assertEqual((result["known"], result["lead_ids"]), (0, {}), "not even that it is known")
            self.assertIn("not among yours", result["errors"][0]["error"])

    def test_reference_is_of_a_company(self):
        company = self.env["res.company"].create({"name": "Another"})
        self.manager.company_ids += company
        lead = self.import_one()
        again = self.leads.with_context(allowed_company_ids=[company.id, self.env.company.id]).process_import(
            [
                self.row(
                    values={"company_id": company.id, "team_id": False, "user_id": False}, stage_history=[]
                )
            ]
        )
        self.assertFalse(again["errors"])
        self.assertNotEqual(again["lead_ids"]["A-1"], lead.id)

    def test_nobody_hears_of_it(self):
        mails = self.env["mail.mail"].search_count([])
        lead = self.import_one()
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.assertFalse(lead.message_ids)
        self.assertFalse(lead.activity_ids)
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)

    def test_only_managers(self):
        for groups in ("sales_team.group_sale_salesman_all_leads", "base.group_user"):
            user = new_test_user(self.env, groups.split(".")[1], groups)
            with self.assertRaises(AccessError):
                self.env["crm.lead"].with_user(user).process_import([self.row()])

    def test_pending_enters_the_process(self):
        process = self.env.ref("sales_process.process_new_business")
        process.team_ids += self.team
        contact = process.phase_ids.filtered(lambda phase: phase.code == "contact")._stage_for(self.team)
        history = [{"stage": contact.id, "date_enter": "2017-01-02 08:00:00"}]
        rows = [
            self.row("by code", stage_history=history, process_step="contact_result"),
            self.row("by stage", stage_history=history, process_step=True),
            self.row("not", stage_history=history),
            self.row("won", stage_history=history, won_status="won"),
            self.row("no such step", stage_history=history, process_step="dance"),
        ]
        mails = self.env["mail.mail"].search_count([])
        result = self.leads.process_import(rows)
        self.assertEqual([error["external_ref"] for error in result["errors"]], ["no such step"])
        self.assertIn("dance", result["errors"][0]["error"])
        leads = {ref: self.env["crm.lead"].browse(lead_id) for ref, lead_id in result["lead_ids"].items()}
        self.assertEqual(
            {ref: lead.process_state for ref, lead in leads.items()},
            {"by code": "running", "by stage": "running", "not": "none", "won": "none"},
        )
        self.assertEqual(leads["by code"].process_step_id.code, "contact_result")
        self.assertEqual(leads["by code"].process_open_task_ids.user_id, self.rep)
        self.assertEqual(len(self.history(leads["by code"])), 1)
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)
        self.assertEqual(leads["by code"].external_ref, "by code")

    def test_a_complete_deal_stays_where_it_stands(self):
        process = self.env.ref("sales_process.process_new_business")
        process.team_ids += self.team
        new = process.phase_ids.filtered(lambda phase: phase.code == "new")._stage_for(self.team)
        history = [{"stage": new.id, "date_enter": "2017-01-02 08:00:00"}]
        buyer = self.env["res.partner"].create(
            {"name": "Anna Buyer", "email": "anna@buyer.example.org", "phone": "+49 30 1234567"}
        )
        row = self.row(
            "complete", stage_history=history, process_step="complete_lead", values={"partner_id": buyer.id}
        )
        result = self.leads.process_import([row])
        self.assertFalse(result["errors"])
        lead = self.env["crm.lead"].browse(result["lead_ids"]["complete"])
        self.assertEqual((lead.stage_id, lead.process_step_id.code), (new, "complete_lead"))
        self.assertEqual(len(self.history(lead)), 1)

    def bad(self, expected, **changes):
        """A bad row is reported with its reason, the good ones around it are kept."""
        rows = [self.row("before"), self.row(**changes), self.row("after")]
        count = self.env["crm.lead"].with_context(active_test=False).search_count([])
        result = self.leads.process_import(rows)
        self.assertEqual(
            [error["external_ref"] for error in result["errors"]], [rows[1]["external_ref"] or False]
        )
        self.assertIn(expected, result["errors"][0]["error"])
        self.assertEqual(result["created"], 2)
        self.assertEqual(set(result["lead_ids"]), {"before", "after"})
        self.assertEqual(self.env["crm.lead"].with_context(active_test=False).search_count([]), count + 2)
        self.env["crm.lead"].browse(result["lead_ids"].values()).unlink()

    def test_bad_rows(self):
        stay = {"stage": self.first.id, "date_enter": "2017-01-02"}
        self.bad("There is no stage", stage_history=[dict(stay, stage="crm.no_such")])
        self.bad("There is no stage", stage_history=[dict(stay, stage="base.user_admin")])
        self.bad("There is no stage", stage_history=[dict(stay, stage=True)])
        self.bad("There is no stage", stage_history=[dict(stay, stage=2**40)])
        self.bad("There is no stage", stage_history=[dict(stay, stage=[1])])
        self.bad("stage history must be", stage_history="x")
        self.bad("A stay has these keys", stage_history=["x"])
        self.bad("is not a number", values={"expected_revenue": "12o0"})
        self.bad("is not a date", stage_history=[dict(stay, date_enter="soon")])
        self.bad("cannot be", stage_history=[dict(stay, date_enter="1017-01-02")])
        self.bad("cannot be", stage_history=[dict(stay, date_enter="2917-01-02")])
        self.bad("no beginning", stage_history=[dict(stay, date_enter=False)])
        self.bad("before it begins", stage_history=[dict(stay, date_leave="2016-12-31")])
        self.bad(
            "overlap",
            stage_history=[dict(stay, date_leave="2017-03-01"), dict(stay, date_enter="2017-02-01")],
        )
        self.bad("has left its last stage", stage_history=[dict(stay, date_leave="2017-02-01")])
        self.bad("stands in a won stage", stage_history=[dict(stay, stage=self.won.id)])
        self.bad("stands in a won stage", won_status="lost", stage_history=[dict(stay, stage=self.won.id)])
        self.bad("before it began", won_status="won", date_closed="2016-01-01", create_date="2017-01-01")
        self.bad("before its history ends", won_status="lost", date_closed="2017-01-05")
        self.bad("after it entered", create_date="2017-06-01")
        self.bad("has no closing date", date_closed="2017-06-01")
        self.bad("expected pending", won_status="maybe")
        self.bad("no lost reason", won_status="lost", lost_reason="crm.no_such")
        self.bad("cannot enter a process", won_status="won", process_step="make_proposal")
        self.bad("longer than", values={"name": "x" * 300})
        self.bad("no name", values={"name": ""})
        self.bad("Not fields that can be imported: colour, stage_id", values={"colour": 1, "stage_id": 1})
        self.bad("comes twice", external_ref="before")
        self.bad("reference is missing", external_ref="")
        self.bad("Unknown: stages", stages=[])

    def test_bad_for_the_database(self):
        """What only the ORM or the database finds is found row by row."""
        with self.assertLogs("odoo.sql_db", "ERROR"):
            self.bad("not present in table", values={"campaign_id": 2**30})
        self.bad("Wrong value", values={"type": "wish"})

    def test_not_a_row(self):
        result = self.leads.process_import(["x", None, self.row()])
        self.assertEqual([error["error"] for error in result["errors"]], ["A row must be a dictionary."] * 2)
        self.assertEqual(result["created"], 1)

    def test_concurrent_double(self):
        """The later of two simultaneous imports is repeated by Odoo, and then finds the lead."""
        with self.registry.cursor() as late_cr:
            late = self.env(cr=late_cr, user=1)
            self.assertFalse(late["crm.lead.external.ref"]._find(["double-1"], late.company))
            with self.registry.cursor() as early_cr:
                early = self.env(cr=early_cr, user=1)
                result = early["crm.lead"].process_import(
                    [{"external_ref": "double-1", "values": {"name": "Double"}}]
                )
            self.addCleanup(self.delete_for_good, result["lead_ids"]["double-1"])
            with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.errors.SerializationFailure):
                late["crm.lead"].process_import([{"external_ref": "double-1", "values": {"name": "Double"}}])
            late_cr.rollback()
            again = late["crm.lead"].process_import(
                [{"external_ref": "double-1", "values": {"name": "Double"}}]
            )
            self.assertEqual((again["known"], again["lead_ids"]), (1, result["lead_ids"]))

    def delete_for_good(self, lead_id):
        with self.registry.cursor() as cr:
            self.env(cr=cr, user=1)["crm.lead"].browse(lead_id).unlink()

    def test_cost(self):
        rows = [
            self.row(str(number), won_status=("won", "lost", "pending")[number % 3]) for number in range(600)
        ]
        for row in rows:
            if row["won_status"] != "pending":
                row["date_closed"] = "2017-03-01"
        self.leads.process_import(rows[:100])
        before = self.env.cr.sql_log_count
        self.leads.process_import(rows[100:])
        self.assertLess(self.env.cr.sql_log_count - before, 100)
