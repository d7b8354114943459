from dateutil.relativedelta import relativedelta
from odoo import fields, models

from ..engine import answer

# Asked for each contract anew, however long its answer would be good for.
OF_ONE_CONTRACT = ("order.contract_date_start",)


class SalesDocumentRequest(models.Model):
    """A customer who has given us a paper that is still good is not asked for it again."""

    _inherit = "sales.document.request"

    def _take_over(self):
        """Answer the items of these new requests from what their customers gave for earlier contracts.

        An earlier answer serves if it was accepted, belongs to the same question of the checklist, and was
        given no longer ago than that is good for. Three statements to look, whatever the number of requests.
        """
        items = self.sudo().item_ids.filtered(
            lambda item: item.checklist_item_id.valid_months > 0 and item.target not in OF_ONE_CONTRACT
        )
        earlier = items._earlier_answers()
        for item in items:
            source = earlier.get(item._reuse_key())
            if source and item._can_take_over(source):
                item._take_over(source)
        self.filtered(lambda request: any(item.reused_from_id for item in request.item_ids))._update()


class SalesDocumentRequestItem(models.Model):
    """An item that is answered by what the customer gave before."""

    _inherit = "sales.document.request.item"

    checklist_item_id = fields.Many2one(
        "sales.document.checklist.item", readonly=True, ondelete="set null", index="btree_not_null"
    )
    reused_from_id = fields.Many2one(
        "sales.document.request.item",
        string="Taken Over From",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="The item of an earlier contract whose answer is still good.",
    )

    def _is_known(self):
        """Whether it is answered by what somebody of the customer gave us for another contract."""
        self.ensure_one()
        return self.state == "accepted" and bool(self.reused_from_id)

    def _reuse_key(self):
        """Which earlier answers may serve: of the same question, customer and company."""
        request = self.request_id
        return self.checklist_item_id, request.partner_id.commercial_partner_id, request.company_id

    def _earlier_answers(self):
        """{key: the newest accepted answer of another request}."""
        customers = self.request_id.partner_id.commercial_partner_id
        found = self.search(
            [
                ("checklist_item_id", "in", self.checklist_item_id.ids),
                ("request_id.partner_id.commercial_partner_id", "in", customers.ids),
                ("request_id", "not in", self.request_id.ids),
                ("state", "=", "accepted"),
                ("is_reason", "=", False),
            ],
            order="date_given, id",
        )
        return {item._reuse_key(): item for item in found if item.date_given}

    def _can_take_over(self, source):
        """Whether the earlier answer is still good, and one to this item as it is asked now."""
        good_until = source.date_given + relativedelta(months=self.checklist_item_id.valid_months)
        if self.kind != source.kind or good_until < self.env.cr.now():
            return False
        if self.kind == "choice":
            return source.answer in answer.options(self.choices)
        return bool(source.attachment_ids if self.kind == "file" else source.answer)

    def _take_over(self, source):
        files = source.attachment_ids.copy({"res_model": "sale.order", "res_id": self.order_id.id})
        self._set(
            {
                "state": "accepted",
                "answer": source.answer,
                "attachment_ids": [fields.Command.set(files.ids)],
                "date_given": source.date_given,
                "date_decided": source.date_decided,
                "decided_by_id": source.decided_by_id.id,
                "reused_from_id": source.id,
            }
        )
        if (self.target or "").startswith("order.") and not self._target_problem():
            self._feed_target()
