from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .row_locks import touch_rows
from .sales_document import INTERNAL
from .sales_document_request_item import ANSWER_KEY
from .team_language import in_team_language

MAX_FILES = 40
MAX_TOTAL_BYTES = 100 * 1024 * 1024


class SalesDocumentRequest(models.Model):
    """What one customer was asked for, for one order, and how far they have got.

    Rows are made and moved by the methods here; nobody has the right to write them.
    """

    _name = "sales.document.request"
    _inherit = ["sales.process.row"]
    _description = "Documents Request"
    _order = "id desc"

    order_id = fields.Many2one("sale.order", required=True, readonly=True, index=True, ondelete="cascade")
    lead_id = fields.Many2one(related="order_id.opportunity_id", string="Opportunity")
    partner_id = fields.Many2one(related="order_id.partner_id", string="Customer", store=True)
    company_id = fields.Many2one(related="order_id.company_id", store=True, index=True)
    user_id = fields.Many2one(related="order_id.user_id", string="Salesperson", store=True, index=True)
    team_id = fields.Many2one(related="order_id.team_id", store=True)
    checklist_id = fields.Many2one("sales.document.checklist", readonly=True, ondelete="set null")
    needs_acceptance = fields.Boolean(readonly=True, default=True)
    state = fields.Selection(
        [("open", "Open"), ("complete", "Complete"), ("waived", "Waived")],
        default="open",
        required=True,
        readonly=True,
    )
    date_sent = fields.Datetime(string="Sent On", readonly=True)
    date_complete = fields.Datetime(string="Complete On", readonly=True)
    completion = fields.Integer(
        readonly=True, help="How often it became complete: returning an item opens it again."
    )
    waive_reason = fields.Char(readonly=True)
    item_ids = fields.One2many("sales.document.request.item", "request_id", string="Items")
    open_text = fields.Char(string="Still Open", compute="_compute_open_text")
    has_given = fields.Boolean(
        compute="_compute_has_given", help="The customer gave something that nobody has decided on yet."
    )

    _one_open = models.UniqueIndex(
        "(order_id) WHERE state = 'open'",
        "The customer has been asked for the documents of this order already.",
    )

    @api.depends("order_id.name")
    def _compute_display_name(self):
        for request in self:
            request.display_name = self.env._("Documents for %s", request.order_id.name)

    @api.depends("item_ids.state", "item_ids.required", "needs_acceptance")
    def _compute_open_text(self):
        for request in self:
            request.open_text = ", ".join(request._open_items().mapped("name"))

    @api.depends("item_ids.state")
    def _compute_has_given(self):
        for request in self:
            states = set(request.item_ids.mapped("state"))
            request.has_given = not states.isdisjoint({"given", "not_needed"})

    # ------------------------------------------------------------------
    # Making
    # ------------------------------------------------------------------

    @api.model
    def _make(self, orders):
        """The requests of these orders; those that were made already are given as they are."""
        existing = self.sudo().search([("order_id", "in", orders.ids)])
        missing = orders - existing.order_id
        checklists = self.env["sales.document.checklist"]._for_orders(missing)
        vals_list = [self._prepare_for_order(order, checklists[order]) for order in missing]
        made = self.sudo().with_context(**{ANSWER_KEY: INTERNAL}).create(vals_list).with_env(self.env)
        made._take_over()
        return existing.with_env(self.env) + made

    @api.model
    def _prepare_for_order(self, order, checklist):
        """Values of a request in the customer's language, made from this checklist."""
        if not checklist:
            raise UserError(
                self.env._(
                    "There is no checklist for %(customer)s of %(company)s: make one under Configuration.",
                    customer=order.partner_id.display_name,
                    company=order.company_id.name,
                )
            )
        checklist = checklist.sudo().with_context(lang=order.partner_id.lang)
        return {
            "order_id": order.id,
            "checklist_id": checklist.id,
            "needs_acceptance": checklist.needs_acceptance,
            "item_ids": [fields.Command.create(vals) for vals in checklist._prepare_request_items()],
        }

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_remind(self):
        """Send the customer a new letter with the link; it names what is open."""
        self._check_may_act()
        for request in self.filtered(lambda request: not request._waits_for_customer()):
            raise UserError(
                self.env._(
                    "%s: the customer has handed in all that is needed. It is your turn to accept it, "
                    "or to return it.",
                    request.display_name,
                )
            )
        self.filtered(lambda request: request.state == "open")._send(
            "sales_process.mail_template_documents_reminder"
        )
        return True

    def action_accept_all(self):
        """Take all that the customer gave and nobody has decided on yet: all of it, or nothing."""
        self._check_may_act()
        given = self.item_ids.filtered(lambda item: item.state in ("given", "not_needed"))
        if not given:
            raise UserError(self.env._("There is nothing to accept: the customer has given nothing new."))
        return given.action_accept()

    def action_waive(self, reason):
        """Go on without what is missing: a leader's decision, with its reason."""
        self._check_may_act()
        if not self.env.user.has_group("sales_process.group_leader"):
            raise AccessError(self.env._("Only a team leader can do without the customer's documents."))
        if not (reason or "").strip():
            raise UserError(self.env._("Say why the documents are not needed."))
        for request in self.filtered(lambda request: request.state == "open"):
            request.sudo().write({"state": "waived", "waive_reason": reason.strip()})
            request._after_end()
            request.order_id.message_post(body=self.env._("Documents waived: %s", reason))
            request.lead_id._process_signal("documents_waived", request.order_id, {"comment": reason})
        return True

    # ------------------------------------------------------------------
    # Business
    # ------------------------------------------------------------------

    def _check_may_act(self):
        """Whoever may change the order may act on what its customer hands in."""
        self.check_access("read")
        self.order_id.check_access("write")

    def _send(self, template):
        """Mail the customers their link."""
        self._check_addresses()
        self.order_id._process_mail_link(template, "documents")
        self.sudo().write({"date_sent": self.env.cr.now()})

    def _check_addresses(self):
        without = self.order_id.filtered(lambda order: not order.partner_id.email)
        if without:
            raise UserError(
                self.env._(
                    "These customers have no e-mail address: %s.",
                    ", ".join(without.partner_id.mapped("display_name")),
                )
            )

    def _open_items(self):
        """What keeps the request from being complete."""
        return self._counted_items().filtered(lambda item: not item._is_settled())

    def _update(self):
        """After something was given, accepted or returned: complete, open again, or the rep's turn."""
        for request in self.filtered(lambda request: request.state != "waived"):
            is_open = bool(request._open_items())
            if not is_open and request.state == "open":
                request._complete()
            elif is_open and request.state == "complete":
                request.sudo().write({"state": "open", "date_complete": False})
            request._plan_check()

    def _complete(self):
        self.sudo().write(
            {
                "state": "complete",
                "date_complete": self.env.cr.now(),
                "completion": self.completion + 1,
            }
        )
        self._after_end()
        self.lead_id._process_signal("documents_complete", self.order_id, {"version": self.completion})

    def _after_end(self):
        self.order_id.sudo().activity_unlink(["sales_process.mail_activity_type_check_documents"])

    def _waits_for_customer(self):
        """Whether something that counts is still to be handed in, or handed in again."""
        return bool(self._items_to_hand_in())

    def _items_to_hand_in(self):
        """What the customers are waited for: what went back to them, and what is needed and still open."""
        returned = self.item_ids.filtered(lambda item: item.state == "returned")
        needed = self.item_ids.browse()
        for request in self:
            needed |= request._counted_items().filtered(lambda item: item.state == "open")
        return self.item_ids & (returned | needed)

    def _counted_items(self):
        """The items that completeness is measured by: all, where none of them is required."""
        self.ensure_one()
        return self.item_ids.filtered("required") or self.item_ids

    def _plan_check(self):
        """One to-do for the rep once all that is required was handed in, not one for each file."""
        order = in_team_language(self.order_id.sudo())
        kind = "sales_process.mail_activity_type_check_documents"
        if self.state != "open" or self._waits_for_customer():
            return
        if order.user_id and not order.activity_search([kind], user_id=order.user_id.id):
            order.activity_schedule(
                kind, user_id=order.user_id.id, summary=order.env._("Check what the customer handed in")
            )

    def _room_left(self):
        """How many files and bytes the customer may still hand in.

        What is handed in at the same time waits here, and counts then: the request row is held until the end
        of the transaction, which Odoo repeats where another one came first.
        """
        self.ensure_one()
        touch_rows(self)
        files = self.sudo().item_ids.attachment_ids
        return MAX_FILES - len(files), MAX_TOTAL_BYTES - sum(files.mapped("file_size"))
