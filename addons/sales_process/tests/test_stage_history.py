from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, new_test_user, tagged

CREATE_LIMIT = MOVE_LIMIT = 0.05  # additional SQL a lead


class StageHistoryCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context=dict(cls.env.context, tracking_disable=True, mail_create_nolog=True))
        Stage = cls.env["crm.stage"]
        cls.team, cls.other_team = cls.env["crm.team"].create([{"name": "North"}, {"name": "South"}])
        cls.first, cls.second, cls.won = Stage.create(
            [
                {"name": "First", "sequence": -20, "team_ids": cls.team.ids},
                {"name": "Second", "sequence": -19, "team_ids": cls.team.ids},
                {"name": "Sold", "sequence": -18, "team_ids": cls.team.ids, "is_won": True},
            ]
        )
        cls.other_first = Stage.create({"name": "Other", "sequence": -30, "team_ids": cls.other_team.ids})
        cls.rep = new_test_user(cls.env, "history-rep", "sales_team.group_sale_salesman")
        cls.start = datetime(2026, 3, 2, 9, 0)

    @contextmanager
    def at(self, hours):
        """Let the transaction stand at a moment, these hours after the start."""
        moment = self.start + timedelta(hours=hours)
        with patch.object(type(self.env.cr), "now", lambda cr: moment):
            yield moment
            self.env.flush_all()

    def make_leads(self, count=1, **values):
        values = {
            "name": "Deal",
            "team_id": self.team.id,
            "user_id": self.rep.id,
            "type": "opportunity",
            **values,
        }
        return self.env["crm.lead"].create([dict(values) for _i in range(count)])

    def stays(self, lead):
        """The stays of a lead in order: (stage, entered and left in hours, won_status)."""
        rows = self.env["crm.lead.stage.history"].search([("lead_id", "=", lead.id)], order="date_enter, id")

        def hours(date):
            return date and (date - self.start) / timedelta(hours=1)

        return [(row.stage_id, hours(row.date_enter), hours(row.date_leave), row.won_status) for row in rows]


@tagged("post_install", "-at_install", "sales_process_history")
class TestStageHistory(StageHistoryCase):
    def setUp(self):
        super().setUp()
        with self.at(0):
            self.lead = self.make_leads(expected_revenue=100)

    def test_create(self):
        self.assertEqual(self.stays(self.lead), [(self.first, 0, False, "pending")])
        row = self.env["crm.lead.stage.history"].search([("lead_id", "=", self.lead.id)])
        self.assertEqual((row.user_id, row.team_id, row.expected_revenue), (self.rep, self.team, 100))

    def test_create_in_given_stage(self):
        with self.at(1):
            lead = self.make_leads(stage_id=self.second.id)
        self.assertEqual(self.stays(lead), [(self.second, 1, False, "pending")])

    def test_create_won(self):
        with self.at(1):
            lead = self.make_leads(stage_id=self.won.id, probability=100)
        self.assertEqual(self.stays(lead), [(self.won, 1, False, "won")])

    def test_create_lost(self):
        with self.at(1):
            lead = self.make_leads(active=False, probability=0)
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(self.stays(lead), [(self.first, 1, 1, "lost")])

    def test_create_with_won_status(self):
        """Naming a computed field keeps it from being computed: not a way past us."""
        with self.at(1):
            lead = self.make_leads(stage_id=self.second.id, won_status="pending")
        self.assertEqual(self.stays(lead), [(self.second, 1, False, "pending")])

    def test_write(self):
        with self.at(5):
            self.lead.write({"stage_id": self.second.id, "expected_revenue": 250})
        self.assertEqual(
            self.stays(self.lead), [(self.first, 0, 5, "pending"), (self.second, 5, False, "pending")]
        )
        rows = self.env["crm.lead.stage.history"].search([("lead_id", "=", self.lead.id)], order="id")
        self.assertEqual(rows.mapped("expected_revenue"), [100, 250])

    def test_later_changes_leave_the_stay_alone(self):
        with self.at(5):
            self.lead.write({"expected_revenue": 900, "user_id": self.env.uid, "stage_id": self.first.id})
        row = self.env["crm.lead.stage.history"].search([("lead_id", "=", self.lead.id)])
        self.assertEqual((row.user_id, row.expected_revenue), (self.rep, 100))

    def test_several_moves_in_one_transaction(self):
        with self.at(5):
            self.lead.stage_id = self.second
            self.lead.stage_id = self.first
            self.lead.stage_id = self.won
        self.assertEqual(
            self.stays(self.lead),
            [
                (self.first, 0, 5, "pending"),
                (self.second, 5, 5, "pending"),
                (self.first, 5, 5, "pending"),
                (self.won, 5, False, "won"),
            ],
        )

    def test_read_before_flush(self):
        self.lead.stage_id = self.second
        History = self.env["crm.lead.stage.history"]
        self.assertEqual(
            History.search([("lead_id", "=", self.lead.id), ("date_leave", "=", False)]).stage_id, self.second
        )
        self.lead.stage_id = self.first
        groups = History._read_group(
            [("lead_id", "=", self.lead.id), ("date_leave", "=", False)], ["stage_id"], ["__count"]
        )
        self.assertEqual(groups, [(self.first, 1)])

    def test_team_change_recomputes_the_stage(self):
        with self.at(3):
            self.lead.team_id = self.other_team
        self.assertEqual(self.lead.stage_id, self.other_first)
        self.assertEqual(
            self.stays(self.lead), [(self.first, 0, 3, "pending"), (self.other_first, 3, False, "pending")]
        )

    def test_board(self):
        with self.at(2):
            self.lead.with_user(self.rep).web_save({"stage_id": self.second.id}, {"stage_id": {}})
        self.assertEqual(self.stays(self.lead)[-1], (self.second, 2, False, "pending"))

    def test_import(self):
        with self.at(2):
            result = self.env["crm.lead"].load(
                [".id", "stage_id/.id"], [[str(self.lead.id), str(self.second.id)]]
            )
        self.assertFalse(result["messages"])
        self.assertEqual(self.stays(self.lead)[-1], (self.second, 2, False, "pending"))

    def test_mass_write(self):
        leads = self.lead + self.make_leads(3, stage_id=self.second.id)
        with self.at(2):
            leads.write({"stage_id": self.second.id})
        self.assertEqual(len(self.stays(self.lead)), 2)
        self.assertEqual([len(self.stays(lead)) for lead in leads[1:]], [1, 1, 1])

    def test_won_and_reopened(self):
        with self.at(4):
            self.lead.action_set_won()
        self.assertEqual(self.stays(self.lead), [(self.first, 0, 4, "pending"), (self.won, 4, False, "won")])
        with self.at(6):
            self.lead.stage_id = self.second
        self.assertEqual(
            self.stays(self.lead)[1:], [(self.won, 4, 6, "won"), (self.second, 6, False, "pending")]
        )

    def test_lost_and_restored(self):
        with self.at(4):
            self.lead.action_set_lost()
        self.assertEqual(self.stays(self.lead), [(self.first, 0, 4, "lost")])
        with self.at(9):
            self.lead.action_restore()
        self.assertEqual(
            self.stays(self.lead), [(self.first, 0, 4, "lost"), (self.first, 9, False, "pending")]
        )

    def test_lost_and_restored_in_one_transaction(self):
        with self.at(4):
            self.lead.action_set_lost()
            self.lead.action_restore()
        self.assertEqual(
            self.stays(self.lead), [(self.first, 0, 4, "lost"), (self.first, 4, False, "pending")]
        )

    def test_lost_while_moved(self):
        """Who is moved and lost at once was lost from where it stood."""
        with self.at(4):
            self.lead.write({"stage_id": self.second.id, "active": False, "probability": 0})
        self.assertEqual(self.stays(self.lead), [(self.first, 0, 4, "lost")])

    def test_moved_while_lost(self):
        with self.at(4):
            self.lead.action_set_lost()
        with self.at(5):
            self.lead.stage_id = self.second
        self.assertEqual(self.lead.won_status, "lost")
        self.assertEqual(self.stays(self.lead), [(self.first, 0, 4, "lost")])

    def test_archived_only(self):
        """Archived and not lost: it still stands in its stage."""
        self.lead.probability = 40
        with self.at(4):
            self.lead.action_archive()
        self.assertEqual(self.stays(self.lead), [(self.first, 0, False, "pending")])

    def test_copy(self):
        with self.at(4):
            self.lead.stage_id = self.second
            copy = self.lead.copy()
        self.assertEqual(self.stays(copy), [(self.first, 4, False, "pending")])

    def test_delete(self):
        lead_id = self.lead.id
        self.lead.unlink()
        self.assertFalse(self.env["crm.lead.stage.history"].search([("lead_id", "=", lead_id)]))

    def test_merge(self):
        with self.at(1):
            loser = self.make_leads()
            self.lead.stage_id = self.second
            self.lead.probability = 90
        self.env["crm.lead.external.ref"]._link({"web-1": loser}, self.env.company)
        with self.at(2):
            winner = (self.lead + loser).merge_opportunity()
        self.assertEqual(winner, self.lead)
        self.assertEqual(
            self.stays(winner), [(self.first, 0, 1, "pending"), (self.second, 1, False, "pending")]
        )
        self.assertFalse(self.env["crm.lead.stage.history"].search([("lead_id", "=", loser.id)]))
        found = self.env["crm.lead.external.ref"]._find(["web-1", "web-2"], self.env.company)
        self.assertEqual(found, {"web-1": winner})

    def test_deleted_stage(self):
        """A stage nobody stands in can be deleted, as in plain Odoo."""
        with self.at(4):
            self.lead.stage_id = self.second
        self.first.unlink()
        self.assertEqual(
            self.stays(self.lead),
            [(self.env["crm.stage"], 0, 4, "pending"), (self.second, 4, False, "pending")],
        )

    def test_rolled_back(self):
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self.lead.stage_id = self.second
            self.env.flush_all()
            raise ZeroDivisionError
        self.assertEqual(self.stays(self.lead), [(self.first, 0, False, "pending")])

    def test_sync_again_changes_nothing(self):
        with self.at(4):
            self.lead.action_set_lost()
        before = self.stays(self.lead)
        with self.at(8):
            self.env["crm.lead.stage.history"]._sync(self.lead.ids)
        self.assertEqual(self.stays(self.lead), before)


@tagged("post_install", "-at_install", "sales_process_history")
class TestStageHistoryPast(StageHistoryCase):
    """What installing makes of a timeline."""

    def setUp(self):
        super().setUp()
        self.env = self.env(context=dict(self.env.context, tracking_disable=False, mail_notrack=False))
        self.env["res.lang"]._activate_lang("fr_FR")

    def live(self, hours, method, *args, lang="en_US"):
        """Do something to the lead at that time, with its tracking."""
        with self.at(hours) as moment:
            self.env.cr.precommit.run()
            method(*args)
            self.env.flush_all()
            newest = self.env["mail.message"].search([("model", "=", "crm.lead")], limit=1, order="id desc")
            self.env(context=dict(self.env.context, lang=lang))["crm.lead"].env.cr.precommit.run()
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE mail_message SET date = %s WHERE model = 'crm.lead' AND id > %s",
                [moment, newest.id or 0],
            )

    def refill(self):
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM crm_lead_stage_history")
        self.env["crm.lead.stage.history"]._fill_from_past()
        return self.stays(self.lead)

    def make(self, **values):
        with self.at(0) as moment:
            self.lead = self.make_leads(**values)
        self.env.cr.execute("UPDATE crm_lead SET create_date = %s WHERE id = %s", [moment, self.lead.id])
        self.env.invalidate_all()

    def test_same_as_kept(self):
        self.make()
        self.live(3, self.lead.write, {"stage_id": self.second.id})
        self.live(5, self.lead.action_set_lost)
        self.live(8, self.lead.action_restore)
        self.live(9, self.lead.action_set_won)
        kept = self.stays(self.lead)
        self.assertEqual(
            kept,
            [
                (self.first, 0, 3, "pending"),
                (self.second, 3, 5, "lost"),
                (self.second, 8, 9, "pending"),
                (self.won, 9, False, "won"),
            ],
        )
        self.assertEqual(self.refill(), kept)

    def test_untracked(self):
        self.make()
        with self.at(4):
            self.lead.with_context(tracking_disable=True).stage_id = self.second
        self.assertEqual(self.refill(), [(self.second, 4, False, "pending")])

    def test_untracked_after_tracked(self):
        self.make()
        self.live(3, self.lead.write, {"stage_id": self.second.id})
        with self.at(4):
            self.lead.with_context(tracking_disable=True).stage_id = self.first
        self.assertEqual(
            self.refill(),
            [
                (self.first, 0, 3, "pending"),
                (self.second, 3, 4, "pending"),
                (self.first, 4, False, "pending"),
            ],
        )

    def test_lost_untracked(self):
        self.make()
        with self.at(4) as moment:
            self.lead.with_context(tracking_disable=True).action_set_lost()
            self.lead.date_closed = moment
        self.assertEqual(self.refill(), [(self.first, 0, 4, "lost")])

    def test_leads_with_history_are_left_alone(self):
        self.make()
        self.live(3, self.lead.write, {"stage_id": self.second.id})
        before = self.stays(self.lead)
        self.env["crm.lead.stage.history"]._fill_from_past()
        self.assertEqual(self.stays(self.lead), before)


@tagged("post_install", "-at_install", "sales_process_history")
class TestStageHistoryRights(StageHistoryCase):
    def setUp(self):
        super().setUp()
        self.mine = self.make_leads()
        self.others = self.make_leads(user_id=self.env.ref("base.user_admin").id)
        self.nobodys = self.make_leads(user_id=False)

    def read_by(self, user, leads):
        rows = self.env["crm.lead.stage.history"].with_user(user).search([("lead_id", "in", leads.ids)])
        return rows.sudo().lead_id

    def test_reads_with_the_lead(self):
        leads = self.mine + self.others + self.nobodys
        self.assertEqual(self.read_by(self.rep, leads), self.mine + self.nobodys)
        everyone = new_test_user(self.env, "history-all", "sales_team.group_sale_salesman_all_leads")
        self.assertEqual(self.read_by(everyone, leads), leads)

    def test_reads_lost_leads(self):
        self.mine.action_set_lost()
        self.assertEqual(self.read_by(self.rep, self.mine), self.mine)

    def test_company(self):
        company = self.env["res.company"].create({"name": "Another"})
        self.nobodys.write({"team_id": False, "company_id": company.id})
        self.assertFalse(self.read_by(self.rep, self.nobodys))

    def test_outsiders(self):
        for groups in ("base.group_user", "base.group_portal", "base.group_public"):
            user = new_test_user(self.env, groups.replace(".", "-"), groups)
            with self.assertRaises(AccessError):
                self.read_by(user, self.mine)

    def test_nobody_writes(self):
        manager = new_test_user(
            self.env, "history-manager", "sales_team.group_sale_manager,base.group_system"
        )
        rows = self.env["crm.lead.stage.history"].with_user(manager).search([("lead_id", "=", self.mine.id)])
        for call in (
            lambda: rows.write({"date_enter": "2020-01-01"}),
            rows.unlink,
            lambda: rows.create({"lead_id": self.mine.id, "date_enter": "2020-01-01"}),
        ):
            with self.assertRaises(AccessError):
                call()


@tagged("post_install", "-at_install", "sales_process_history")
class TestStageHistoryCost(StageHistoryCase):
    """SQL a lead, with the history and without it, in one run."""

    def count(self, method, *args, **kwargs):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        method(*args, **kwargs)
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def with_and_without(self, method, *args, **kwargs):
        method(*args, **kwargs)  # warm up
        ours = self.count(method, *args, **kwargs)
        with patch.object(type(self.env["crm.lead.stage.history"]), "_sync", lambda self, lead_ids: None):
            plain = self.count(method, *args, **kwargs)
        return ours, plain

    def test_create(self):
        ours, plain = self.with_and_without(self.make_leads, 1000)
        self.assertLessEqual(ours - plain, CREATE_LIMIT * 1000)

    def test_move(self):
        leads = self.make_leads(1000)
        stages = iter([self.second, self.first, self.second])
        ours, plain = self.with_and_without(lambda: leads.write({"stage_id": next(stages).id}))
        self.assertLessEqual(ours - plain, MOVE_LIMIT * 1000)

    def test_move_one_by_one(self):
        """A loop in one transaction is written in one go, as in plain Odoo."""
        leads = self.make_leads(200)
        stages = iter([self.second, self.first, self.second])

        def move():
            stage = next(stages)
            for lead in leads:
                lead.stage_id = stage

        ours, plain = self.with_and_without(move)
        self.assertLessEqual(ours - plain, MOVE_LIMIT * 200)

    def test_change_of_team(self):
        leads = self.make_leads(200)
        teams = iter([self.other_team, self.team, self.other_team])
        ours, plain = self.with_and_without(lambda: leads.write({"team_id": next(teams).id}))
        self.assertLessEqual(ours - plain, MOVE_LIMIT * 200)
