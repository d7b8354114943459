from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

from .given_values import with_defaults
from .stored_domain import check_domain, read_domain

MODELS = ("crm.lead", "sale.order")
LETTER_FIELDS = frozenset({"process_letter", "process_letter_domain"})


class MailTemplate(models.Model):
    """Which letters salespeople may send from a task or a lead in one click, and when these make sense."""

    _inherit = "mail.template"

    process_letter = fields.Boolean(
        string="Letter of the Salespeople",
        help="Offered on tasks and leads: seen first, then sent in one click.",
    )
    process_letter_domain = fields.Char(
        string="Offered Where",
        help="On the lead or the order the letter is about. Empty: always.",
    )

    @api.constrains("process_letter", "process_letter_domain", "model_id")
    def _check_process_letter(self):
        for template in self.filtered("process_letter"):
            if template.model not in MODELS:
                raise ValidationError(
                    self.env._("“%s”: salespeople send letters about leads and orders only.", template.name)
                )
            check_domain(template, "process_letter_domain", template.model)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_letter_fields(with_defaults(self, vals, LETTER_FIELDS))
        return super().create(vals_list)

    def write(self, vals):
        self._check_letter_fields(vals)
        return super().write(vals)

    @api.model
    def _check_letter_fields(self, vals):
        """Everybody may write templates; what the whole team sends is the process owner's to say."""
        said = any(vals.get(name) for name in LETTER_FIELDS)
        if said and not self.env.su and not self.env.user.has_group("sales_process.group_owner"):
            raise AccessError(self.env._("Which letters salespeople send is said by a process owner."))

    def _process_letter_fits(self, record):
        """Whether the letter makes sense for this lead or order as it stands."""
        self.ensure_one()
        return bool(record) and bool(
            record.sudo().filtered_domain(read_domain(self, "process_letter_domain"))
        )
