from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .call_common import NUMBER, CallCase


@tagged("post_install", "-at_install", "sales_process")
class TestCallRights(CallCase):
    """What was reported is nobody's to rewrite; who must not see does not."""

    def setUp(self):
        super().setUp()
        self.lead = self._lead(phone=NUMBER)
        self.call = self._post("ended", number=NUMBER, extension="101", duration=60)

    def test_who_sees(self):
        Calls = self.env["sales.call"]
        for user, sees in (
            (self.rep, True),
            (self.leader, True),
            (self.owner, True),
            (self.colleague, False),
        ):
            found = Calls.with_user(user).search([("id", "=", self.call.id)])
            self.assertEqual(bool(found), sees, user.login)
        with self.assertRaises(AccessError):
            self.call.with_user(self.colleague).read(["number"])
        for groups in ("base.group_portal", "base.group_user"):
            user = new_test_user(self.env, f"call_{groups}", groups=groups)
            with self.assertRaises(AccessError):
                Calls.with_user(user).search([])

    def test_other_company(self):
        other = self.env["res.company"].create({"name": "Other company"})
        foreigner = new_test_user(
            self.env,
            "call_foreigner",
            groups="sales_process.group_owner",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        for model in ("sales.call", "sales.call.connection"):
            self.assertFalse(self.env[model].with_user(foreigner).search([]), model)

    def test_own_words_only(self):
        call = self.call.with_user(self.rep)
        call.write({"note": "Wants black ones", "result": "reached"})
        for vals in (
            {"number": "+33142685300"},
            {"duration": 1},
            {"minutes": 1},
            {"date_start": "2020-01-01"},
            {"state": "missed"},
            {"direction": "out"},
            {"recording_url": "https://x.example.com"},
            {"external_id": "x"},
            {"user_id": self.colleague.id},
            {"is_contact": False},
            {"res_id": self.lead.id, "res_model": "crm.lead"},
            {"task_id": False},
            {"company_id": self.company.id},
            {"note": "x", "duration": 3},
        ):
            for user in (self.rep, self.leader, self.owner):
                with self.assertRaises(AccessError, msg=vals), self.env.cr.savepoint():
                    self.call.with_user(user).write(vals)
        with self.assertRaises(AccessError):
            call.unlink()
        self.assertEqual(call.note, "Wants black ones")

    def test_others_words(self):
        with self.assertRaises(AccessError):
            self.call.with_user(self.colleague).write({"note": "x"})
        self.call.with_user(self.leader).write({"note": "Seen"})
        # a call that somebody else had with one's own customer is read, not described
        theirs = self._post("ended", "c2", number=NUMBER, extension="102", duration=60)
        self.assertEqual(theirs.with_user(self.rep).user_id, self.colleague)
        with self.assertRaises(AccessError):
            theirs.with_user(self.rep).write({"note": "x"})

    def test_written_down_by_hand(self):
        Calls = self.env["sales.call"].with_user(self.rep)
        values = {"res_model": "crm.lead", "res_id": self.lead.id}
        call = Calls.create({**values, "minutes": 3, "note": "From my mobile"})
        self.assertEqual(
            (call.user_id, call.lead_id, call.duration, call.number, call.state),
            (self.rep, self.lead, 180, NUMBER, "ended"),
        )
        call.write({"minutes": 4, "number": "+33142685300"})
        for forged in (
            {"external_id": "x"},
            {"connection_id": self.pbx.id},
            {"state": "answered"},
            {"is_contact": True},
            {"recording_url": "javascript:alert(1)"},
            {"user_id": self.colleague.id},
        ):
            with self.assertRaises(AccessError, msg=forged), self.env.cr.savepoint():
                Calls.create({**values, **forged})

    def test_written_down_for_a_record_one_may_see(self):
        Calls = self.env["sales.call"].with_user(self.colleague)
        with self.assertRaises(AccessError):
            Calls.create({"res_model": "crm.lead", "res_id": self.lead.id})
        for res_model, res_id in (
            ("crm.lead", 0),
            ("crm.lead", 2**31 - 1),
            ("no.such.model", 1),
            ("sales.call.address", 1),
            ("crm.lead", "1"),
            (False, 1),
        ):
            with self.assertRaises(UserError):
                Calls.create({"res_model": res_model, "res_id": res_id})

    def _with_defaults(self, user, **defaults):
        context = {f"default_{name}": value for name, value in defaults.items()}
        return self.env["sales.call"].with_user(user).with_context(**context)

    def test_default_record_is_checked_like_one_that_is_given(self):
        other = self.env["res.company"].create({"name": "Other company"})
        foreign = self.env["crm.lead"].create({"name": "Secret", "company_id": other.id})
        mine = self._lead(phone="+49 30 7654321").sudo()
        self.assertFalse(mine.date_contact)
        for lead in (mine, foreign):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                self._with_defaults(self.colleague, res_model="crm.lead", res_id=lead.id).create(
                    {"result": "reached"}
                )
        self.assertFalse(mine.date_contact, "the clock of a lead that the colleague cannot see goes on")
        lead_default = self.env["ir.default"].with_user(self.colleague)
        lead_default.set("sales.call", "res_model", "crm.lead", user_id=True)
        lead_default.set("sales.call", "res_id", mine.id, user_id=True)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            self.env["sales.call"].with_user(self.colleague).create({"result": "reached"})

    def test_defaults_do_not_speak_for_the_telephone_system(self):
        _lead, task = self._at_call()
        forged = {
            "task_id": task.id,
            "external_id": "x",
            "connection_id": self.pbx.id,
            "recording_url": "javascript:alert(1)",
            "state": "answered",
            "is_contact": True,
            "duration": 900,
        }
        for name in ("external_id", "recording_url"):
            self.env["ir.default"].with_user(self.rep).set("sales.call", name, forged[name], user_id=True)
        call = self._with_defaults(self.rep, **forged).create({"number": NUMBER}).sudo()
        self.assertFalse(call.task_id or call.external_id or call.connection_id or call.recording_url)
        self.assertEqual((call.state, call.is_contact, call.duration), ("ended", False, 0))

    def test_new_call_from_the_leads_own_list(self):
        """The button on the lead names it by defaults: they count, after the same check."""
        lead = self._lead(phone="+49 30 7654321")
        context = lead.action_view_calls()["context"]
        Calls = self.env["sales.call"].with_context(**context)
        call = Calls.with_user(self.rep).create({"result": "reached", "minutes": 2})
        self.assertEqual((call.lead_id, call.number, call.duration), (lead, "+49 30 7654321", 120))
        self.assertTrue(lead.sudo().date_contact)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            Calls.with_user(self.colleague).create({"result": "reached"})

    def test_recording_is_a_web_address(self):
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.call.recording_url = "javascript:alert(1)"
        self.call.recording_url = "HTTPS://pbx.example.com/1.mp3"
        self.assertEqual(self.call.action_open_recording()["url"], "HTTPS://pbx.example.com/1.mp3")
        self.env.flush_all()
        self.env.cr.execute(  # as it may stand in a database from before
            "UPDATE sales_call SET recording_url = 'javascript:alert(1)' WHERE id = %s", [self.call.id]
        )
        self.env.invalidate_all()
        self._run(self.lead)
        task = self._task(self.lead, "call_customer")
        self.assertEqual([row["recording"] for row in task.get_form()["calls"]], [""])
        with self.assertRaises(UserError):
            self.call.action_open_recording()

    def test_logged_by_hand_is_a_sign_of_life(self):
        self.env["sales.call"].with_user(self.rep).create(
            {"res_model": "crm.lead", "res_id": self.lead.id, "result": "reached"}
        )
        self.assertIn(
            "call", self.lead.sudo().process_event_ids.filtered(lambda e: e.kind == "signal").mapped("text")
        )

    def test_connection_is_the_owners(self):
        for user in (self.rep, self.leader):
            with self.assertRaises(AccessError):
                self.pbx.with_user(user).read(["name"])
            with self.assertRaises(AccessError):
                self.pbx.with_user(user).write({"originate_url": "https://169.254.169.254/"})
            with self.assertRaises(AccessError):
                self.pbx.with_user(user).action_new_address()
            with self.assertRaises(AccessError):
                self.pbx.with_user(user).action_revoke_address()
        self.pbx.with_user(self.owner).write({"originate_url": "https://pbx.example.com/call"})
        with self.assertRaises(AccessError):
            self.pbx.with_user(self.owner).read(["token_hash"])

    def test_private_methods_stay_private(self):
        from odoo.service.model import get_public_method

        for model, name in (
            ("sales.call", "_take"),
            ("sales.call.connection", "_take"),
            ("sales.call.connection", "_find"),
            ("sales.call.connection", "_ask_to_call"),
        ):
            with self.assertRaises(AccessError):
                get_public_method(self.env[model], name)

    def test_extension(self):
        self.rep.with_user(self.rep).call_extension = "110"
        with self.assertRaises(ValidationError):
            self.rep.with_user(self.rep).call_extension = "1 10"
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.colleague.call_extension = "110"
            self.env.flush_all()
        self.rep.action_archive()
        self.colleague.call_extension = "110"

    def test_extension_is_in_the_house(self):
        for number in ("+4930123456", "1234567", "0900123456"):
            with self.subTest(number), self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.rep.with_user(self.rep).call_extension = number
        self.rep.with_user(self.rep).call_extension = "123456"
        self.leader.with_user(self.leader).call_extension = "+4930123456"
        self.rep.with_user(self.env.ref("base.user_admin")).call_extension = "+4930123457"

    def test_address(self):
        action = self.pbx.with_user(self.owner).action_new_address()
        token = action["context"]["default_url"].rpartition("/")[2]
        self.assertEqual(self.env["sales.call.connection"]._find(token), self.pbx)
        self.assertNotIn(token, str(self.pbx.sudo().read()))
        shown = self.env["sales.call.address"].with_user(self.owner).create({"url": "x"})
        self.assertFalse(self.env["sales.call.address"]._fields["url"].store and shown)
        renewed = self.pbx.with_user(self.owner).action_new_address()["context"]["default_url"]
        self.assertFalse(self.env["sales.call.connection"]._find(token), "the old one is void")
        self.pbx.with_user(self.owner).action_revoke_address()
        self.assertFalse(self.env["sales.call.connection"]._find(renewed.rpartition("/")[2]))
        for wrong in ("", "x" * 200, None, "%"):
            self.assertFalse(self.env["sales.call.connection"]._find(wrong))

    def test_archived_system_does_not_listen(self):
        token = self.pbx.action_new_address()["context"]["default_url"].rpartition("/")[2]
        self.pbx.action_archive()
        self.assertFalse(self.env["sales.call.connection"]._find(token))
