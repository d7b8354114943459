from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .sales_document import INTERNAL
from .sales_document_request_item import ANSWER_KEY

# What whoever sells may write of a request: its items, each of which guards itself.
SHAPED = frozenset({"item_ids"})


class SalesDocumentRequest(models.Model):
    """What is asked may be reshaped by whoever sells, as long as the request is open."""

    _inherit = "sales.document.request"

    may_shape = fields.Boolean(compute="_compute_may_shape")

    @api.depends("state")
    @api.depends_context("uid")
    def _compute_may_shape(self):
        for request in self:
            request.may_shape = request.state == "open" and request.order_id.has_access("write")

    def write(self, vals):
        if not self.env.su:
            self._check_shaped(vals)
        return super().write(vals)

    def _check_shaped(self, vals):
        """Only the items are a user's to write, by who may change the order.

        :raise AccessError: which fields are not.
        """
        forbidden = vals.keys() - SHAPED
        if forbidden:
            raise AccessError(
                self.env._(
                    "%(request)s: only the items may be changed by hand, not %(fields)s.",
                    request=self[:1].sudo().display_name,
                    fields=", ".join(sorted(forbidden)),
                )
            )
        self._check_may_act()

    def _check_open(self):
        """
        :raise UserError: which request is no longer open, and how it becomes so again.
        """
        for request in self.filtered(lambda request: request.state != "open"):
            raise UserError(
                self.env._(
                    "%s are complete or done without: nothing more is asked. If one of them will not do, "
                    "return it to the customer; then more can be asked.",
                    request.display_name,
                )
            )


class SalesDocumentRequestItem(models.Model):
    """A question that is added, changed or dropped after the customer was asked."""

    _inherit = "sales.document.request.item"

    @api.model_create_multi
    def create(self, vals_list):
        items = super().create(vals_list)
        if self.env.context.get(ANSWER_KEY) is not INTERNAL:
            requests = items.request_id
            requests._check_may_act()
            requests._check_open()
            items._note_shaped(self.env._("Asked for besides: %s"))
        return items

    def write(self, vals):
        if self.env.context.get(ANSWER_KEY) is INTERNAL or not vals.keys() - {"note", "sequence"}:
            return super().write(vals)
        self.request_id._check_may_act()
        self.request_id._check_open()
        dropped = self.filtered("required") if "required" in vals and not vals["required"] else self.browse()
        dropped._check_may_do_without()
        result = super().write(vals)
        dropped._note_shaped(self.env._("No longer required: %s"))
        return result

    def unlink(self):
        """Without it, what is left may be all there."""
        requests = self.request_id
        if not self.env.su:
            requests._check_may_act()
            self._check_may_do_without()
        self._note_shaped(self.env._("No longer asked for: %s"))
        result = super().unlink()
        requests.exists()._update()
        return result

    def action_drop(self):
        """Do not ask for these any more: only what was not answered yet.

        :raise UserError: the customer has answered; AccessError: the company's checklist requires it.
        """
        self.unlink()
        return True

    def _check_may_do_without(self):
        """What the company's checklist requires is done without by leaders only.

        :raise AccessError: which items.
        """
        ruled = self.filtered(lambda item: item.required and item.sudo().checklist_item_id)
        if ruled and not self.env.user.has_group("sales_process.group_leader"):
            raise AccessError(
                self.env._(
                    "The company's checklist requires this: %s. Ask your team leader, who can do without it.",
                    ", ".join(ruled.mapped("name")),
                )
            )

    def _note_shaped(self, text):
        """The order's history tells what was asked differently, and by whom."""
        bodies = {}
        for item in self:
            bodies.setdefault(item.order_id.id, []).append(item.name)
        if bodies:
            self.order_id.sudo()._message_log_batch(
                {order_id: text % ", ".join(names) for order_id, names in bodies.items()},
                author_id=self.env.user.partner_id.id,
            )
