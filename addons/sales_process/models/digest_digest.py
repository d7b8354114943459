from odoo import fields, models
from odoo.exceptions import AccessError

from ..engine.definition import PERSON_KINDS


class DigestDigest(models.Model):
    """What the periodic mail tells of selling: what was won, which tasks are late, which contracts end."""

    _inherit = "digest.digest"

    kpi_process_won = fields.Boolean("Amount Won")
    kpi_process_won_value = fields.Monetary(compute="_compute_kpi_process_won_value")
    kpi_process_late = fields.Boolean("Tasks Overdue")
    kpi_process_late_value = fields.Integer(compute="_compute_kpi_process_late_value")
    kpi_process_renewals = fields.Boolean("Renewals Due")
    kpi_process_renewals_value = fields.Integer(compute="_compute_kpi_process_renewals_value")

    def _compute_kpi_process_won_value(self):
        self._process_check_kpi_access("sales_team.group_sale_salesman")
        self._calculate_company_based_kpi(
            "crm.lead",
            "kpi_process_won_value",
            date_field="date_closed",
            additional_domain=[("won_status", "=", "won")],
            sum_field="expected_revenue",
        )

    def _compute_kpi_process_late_value(self):
        """Tasks of people whose deadline passed in the period, and that are still not done."""
        self._process_check_kpi_access("sales_process.group_user")
        self._calculate_company_based_kpi(
            "sales.process.task",
            "kpi_process_late_value",
            date_field="date_deadline",
            additional_domain=[("state", "=", "open"), ("step_id.kind", "in", tuple(PERSON_KINDS))],
        )

    def _compute_kpi_process_renewals_value(self):
        """Running contracts whose renewal was to be started in the period."""
        self._process_check_kpi_access("sales_process.group_user")
        self._calculate_company_based_kpi(
            "sale.order",
            "kpi_process_renewals_value",
            date_field="contract_renewal_due",
            additional_domain=[("contract_state", "=", "running")],
        )

    def _process_check_kpi_access(self, group):
        """Odoo leaves a figure out of the mail of whoever may not see it."""
        if not self.env.user.has_group(group):
            raise AccessError(self.env._("These figures are for those who sell."))

    def _compute_kpis_actions(self, company, user):
        menu = f"?menu_id={self.env.ref('crm.crm_menu_root').id}"
        return {
            **super()._compute_kpis_actions(company, user),
            "kpi_process_won": f"sales_process.action_sales_process_dashboard{menu}",
            "kpi_process_late": f"sales_process.action_sales_process_task_mine{menu}",
            "kpi_process_renewals": f"sales_process.action_sales_contract{menu}",
        }
