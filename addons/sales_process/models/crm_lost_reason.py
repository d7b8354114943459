from odoo import fields, models


class CrmLostReason(models.Model):
    """Why a deal was lost, and when the customer is worth another try."""

    _inherit = "crm.lost.reason"

    process_return = fields.Selection(
        [("never", "Never"), ("weeks", "After some weeks"), ("date", "On the date the customer named")],
        string="Come Back to the Customer",
        default="never",
        required=True,
    )
    process_return_weeks = fields.Integer(string="Weeks", default=12)
    process_not_sales = fields.Boolean(
        string="No Sales Case",
        help="Spam, a job application, a supplier: does not count in conversion.",
    )
    process_customer_choice = fields.Boolean(
        string="Offered to the Customer",
        help="Can be chosen on the customer's page when a proposal is declined.",
    )
