from datetime import datetime, timedelta

from odoo.tests import new_test_user

from .common import ProcessCase

NUMBER = "+49 30 1234567"
SANITIZED = "+49301234567"


class CallCase(ProcessCase):
    """A company with a telephone system, whose reps have an extension each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.germany = cls.env.ref("base.de")
        cls.company.country_id = cls.env.ref("base.be")
        cls.owner = new_test_user(cls.env, "call_owner", groups="sales_process.group_owner")
        cls.rep.call_extension, cls.colleague.call_extension = "101", "102"
        cls.pbx = cls.env["sales.call.connection"].create(
            {
                "name": "Switchboard",
                "company_id": cls.company.id,
                "team_id": cls.team.id,
                "country_id": cls.germany.id,
            }
        )

    def _post(self, event, call_id="c1", pbx=None, **values):
        """An event of the telephone system, as the controller passes it on."""
        call = (pbx or self.pbx)._take({"event": event, "call_id": call_id, **values})
        return call.sudo()

    def _at(self, **ago):
        return (datetime.now() - timedelta(**ago)).isoformat(timespec="seconds")

    def _popups(self, user):
        """What was sent to a user's screen since the last look."""
        self.env.cr.precommit.run()
        bus = self.env["bus.bus"].sudo()
        rows = bus.search(
            [
                ("message", "like", "sales_process.call"),
                ("channel", "like", f'"res.partner",{user.partner_id.id}]'),
            ]
        )
        import json

        found = [json.loads(row.message)["payload"] for row in rows.sorted("id")]
        rows.unlink()
        return found
