from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.fields import Command

from .common import ProcessCase
from .contract_common import PDF

CRON = "sales_process.ir_cron_sales_process_contract_timers"


class RenewalCase(ProcessCase):
    """A running contract that ends in 45 days, of a team that renews by the process."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(
            patch.object(cls.env.registry["sale.order"], "_process_paper_pdf", lambda *args, **kwargs: PDF)
        )
        cls.partner = cls.env["res.partner"].create(
            {"name": "Clara Client", "email": "clara@customer.example.org"}
        )
        today = fields.Date.today()
        cls.contract = cls.env["sale.order"].create(
            {
                "partner_id": cls.partner.id,
                "user_id": cls.rep.id,
                "team_id": cls.team.id,
                "contract_date_start": today - timedelta(days=320),
                "contract_date_end": today + timedelta(days=45),
                "contract_our_signatory": "Rita Rep",
                "contract_customer_signatory": "Clara Client",
                "order_line": [Command.create({"product_id": cls.product.id, "price_unit": 1000.0})],
            }
        )
        cls.contract._contract_set(
            {
                "contract_number": cls.contract._contract_next_number(),
                "contract_state": "running",
                "state": "sale",
            }
        )

    def _tick(self):
        with self.enter_registry_test_mode():
            self.env.ref(CRON).method_direct_trigger()
        self.env.invalidate_all()

    def _at_call(self, **terms):
        """The task to call about the renewal of a contract with these terms."""
        self.contract._contract_set(terms)
        self.contract.flush_recordset()
        self._tick()
        lead = self.contract.renewal_lead_id
        self._run(lead)
        return lead, self._task(lead, "renewal_call").with_user(self.rep)

    def _lost_reason(self):
        return self.env["crm.lost.reason"].create({"name": "Moved away", "process_return": "never"})
