from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..engine import answer

ITEM_KINDS = [
    ("file", "File"),
    ("text", "Text"),
    ("number", "Numerical value"),
    ("date", "Date"),
    ("choice", "Choice"),
]
# Where an accepted answer may be written; a list of its own, so that nothing beyond it is.
TARGETS = [
    ("partner.vat", "Customer: Tax ID"),
    ("partner.company_registry", "Customer: Company ID"),
    ("partner.street", "Customer: Street"),
    ("partner.zip", "Customer: ZIP"),
    ("partner.city", "Customer: City"),
    ("partner.phone", "Customer: Phone"),
    ("bank.acc_number", "Customer: Bank account"),
    ("order.contract_customer_signatory", "Contract: Customer's signatory"),
    ("order.contract_customer_position", "Contract: Signatory's position"),
    ("order.contract_customer_authority", "Contract: Signatory's authority"),
    ("order.contract_date_start", "Contract: Start"),
    ("lead.contact_name", "Opportunity: Contact name"),
    ("lead.function", "Opportunity: Job position"),
]
# What a question says; a request's item is a copy of it in the customer's language.
QUESTION_FIELDS = ("name", "help", "kind", "choices", "required", "sequence", "target")


class SalesDocumentQuestion(models.AbstractModel):
    """A question to a customer: what is asked, in what form, and what the answer feeds."""

    _name = "sales.document.question"
    _description = "Question to a Customer"

    sequence = fields.Integer(default=10)
    name = fields.Char(required=True)
    help = fields.Text(help="Shown to the customer under the item.")
    kind = fields.Selection(ITEM_KINDS, default="file", required=True)
    choices = fields.Text(help="One a line: the customer picks one of them.")
    required = fields.Boolean(default=True)
    target = fields.Selection(
        TARGETS,
        string="Feeds",
        help="Where the answer is written once it is accepted, with the rights of who accepts it.",
    )

    @api.constrains("kind", "choices", "target")
    def _check_question(self):
        for item in self:
            if item.kind == "choice" and len(answer.options(item.choices)) < 2:
                raise ValidationError(
                    self.env._("%s: write at least two choices, each on a line of its own.", item.name)
                )
            kinds = ("date",) if item.target == "order.contract_date_start" else ("text", "choice")
            if item.target and item.kind not in kinds:
                raise ValidationError(
                    self.env._("%s: an answer of this kind cannot be written there.", item.name)
                )
