from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date, get_lang

from ..engine import answer, upload
from .sales_document import INTERNAL
from .sales_document_question import QUESTION_FIELDS
from .team_language import in_team_language

ANSWER_KEY = "sales_process_answer"

RETURNABLE = ("given", "not_needed", "accepted")

# What a rep may shape: the question. The customer's answer, and what came of it, are set by methods only.
EDITABLE_FIELDS = frozenset({*QUESTION_FIELDS, "note"})


class SalesDocumentRequestItem(models.Model):
    """One thing asked of a customer, what they gave, and whether it was accepted."""

    _name = "sales.document.request.item"
    _inherit = ["sales.document.question"]
    _description = "Item of a Documents Request"
    _order = "request_id, sequence, id"

    request_id = fields.Many2one("sales.document.request", required=True, ondelete="cascade", index=True)
    order_id = fields.Many2one(related="request_id.order_id")
    company_id = fields.Many2one(related="request_id.company_id")
    state = fields.Selection(
        [
            ("open", "Open"),
            ("given", "Given"),
            ("not_needed", "Said Not Needed"),
            ("accepted", "Accepted"),
            ("returned", "Returned"),
        ],
        default="open",
        required=True,
        readonly=True,
    )
    answer = fields.Text(readonly=True, help="What the customer typed, or why they say it is not needed.")
    is_reason = fields.Boolean(readonly=True, help="The answer says why the item does not apply.")
    answer_text = fields.Text(
        string="Customer's Answer",
        compute="_compute_answer_text",
        help="The answer as it is read: a date and a number in the reader's way.",
    )
    attachment_ids = fields.Many2many("ir.attachment", string="Files", readonly=True)
    note = fields.Char(string="Our Word", help="Shown to the customer when the item is returned.")
    date_given = fields.Datetime(readonly=True)
    date_decided = fields.Datetime(readonly=True)
    decided_by_id = fields.Many2one("res.users", readonly=True)
    version = fields.Integer(
        default=1,
        readonly=True,
        help="Grows with every answer: an outdated page cannot overwrite a newer one.",
    )

    @api.depends("answer", "kind", "is_reason")
    @api.depends_context("lang")
    def _compute_answer_text(self):
        for item in self:
            item.answer_text = item._format_answer() if item.answer else False

    def _format_answer(self):
        """The answer in the reader's language; the reason why there is none stays as it is."""
        self.ensure_one()
        if self.kind == "date" and not self.is_reason:
            return format_date(self.env, self.answer)
        if self.kind == "number" and not self.is_reason:
            return self.answer.replace(".", get_lang(self.env).decimal_point)
        return self.answer

    # ------------------------------------------------------------------
    # ORM: what nobody may write
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        fresh = {
            "state": "open",
            "answer": False,
            "is_reason": False,
            "attachment_ids": False,
            "date_given": False,
            "date_decided": False,
            "decided_by_id": False,
            "version": 1,
        }
        is_ours = self.env.context.get(ANSWER_KEY) is INTERNAL
        place = {"request_id", "checklist_item_id"} if is_ours else {"request_id"}
        for vals in vals_list:
            self._check_editable(vals.keys() - place)
        return super().create([vals | fresh for vals in vals_list])

    def write(self, vals):
        if self.env.context.get(ANSWER_KEY) is INTERNAL:
            return super().write(vals)
        self._check_editable(vals)
        if vals.keys() - {"note", "sequence"} and any(item.state != "open" for item in self):
            raise UserError(self.env._("What the customer has answered already cannot be asked differently."))
        result = super().write(vals)
        if "required" in vals:
            self.request_id._update()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_answered(self):
        if any(item.state != "open" for item in self):
            raise UserError(self.env._("What the customer has answered already cannot be deleted."))

    def _check_editable(self, names):
        forbidden = set(names) - EDITABLE_FIELDS
        if forbidden:
            raise AccessError(
                self.env._(
                    "These fields are set by the customer's answer and by accepting or returning it: %s.",
                    ", ".join(sorted(forbidden)),
                )
            )

    def _set(self, vals):
        """Write what `write` refuses: the key in the context holds an object that no client can send."""
        return self.with_context(**{ANSWER_KEY: INTERNAL}).write(
            vals | {"date_decided": vals.get("date_decided"), "decided_by_id": vals.get("decided_by_id")}
        )

    def _forget_answers(self):
        """Blank what was typed and take the files away; that something was given stays."""
        files = self.attachment_ids
        for item in self.filtered("answer"):
            item._set(
                {"answer": False, "date_decided": item.date_decided, "decided_by_id": item.decided_by_id.id}
            )
        files.unlink()

    # ------------------------------------------------------------------
    # The rep's side
    # ------------------------------------------------------------------

    def action_accept(self):
        """Take what the customer gave, or their word that it is not needed."""
        self._check_may_decide(("given", "not_needed", "returned"))
        self._feed_targets()
        self._decide("accepted")
        for item in self:
            # An accepted file is a paper of the order: it stays with it, also when the add-on goes.
            item.sudo().attachment_ids.write({"res_model": "sale.order", "res_id": item.order_id.id})
        self.request_id._update()
        return True

    def action_ask_why(self):
        """The dialog that asks for the word with which this item goes back."""
        self._check_may_decide(RETURNABLE)
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_document_return")
        return action | {"context": {"active_id": self.id}}

    def action_return(self, note=None):
        """Give an item back to the customer with a word why. One letter tells them of all that goes back.

        :param note: the word; without it, the one that stands on the item
        """
        self._check_may_decide(RETURNABLE)
        if note is not None:
            self.write({"note": note})
        if not all((item.note or "").strip() for item in self):
            raise UserError(self.env._("Say in a word what is wrong: the customer will read it."))
        self.request_id._check_addresses()
        self._decide("returned")
        self.request_id._update()
        self.request_id._tell_returned()
        return True

    def _check_may_decide(self, states):
        self.request_id._check_may_act()
        if any(item.state not in states for item in self):
            raise UserError(
                self.env._("There is nothing to decide on: the customer has not answered, or it is decided.")
            )

    def _decide(self, state):
        for item in self.sudo():
            item._set(
                {
                    "state": state,
                    "version": item.version + 1,
                    "date_decided": self.env.cr.now(),
                    "decided_by_id": self.env.uid,
                }
            )

    def _is_settled(self):
        """Whether this item is no obstacle. That something required is not needed is ours to agree to."""
        self.ensure_one()
        if self.state == "given":
            return not self.request_id.needs_acceptance
        if self.state == "not_needed":
            return not self.request_id.needs_acceptance and not self.required
        return self.state == "accepted"

    # ------------------------------------------------------------------
    # The customer's side: called by the page, with the link checked
    # ------------------------------------------------------------------

    def _customer_give(self, version, text=None, files=()):
        """Keep the customer's answer.

        :param version: of the item as their page showed it
        :param text: what they typed or chose
        :param files: [(name, content)]
        :return: code of why it was not taken, or None
        """
        self.ensure_one()
        problem = self._customer_problem(version)
        if problem:
            return problem
        if self.kind != "file":
            return self._customer_give_text(text)
        try:
            checked = [(*upload.check(name, content), content) for name, content in files]
        except upload.Refused as refused:
            return refused.code
        room, space = self.request_id._room_left()
        if not checked:
            return "empty"
        if len(checked) > room or sum(len(content) for _name, _kind, content in checked) > space:
            return "quota"
        self._customer_keep({"state": "given", "answer": False}, checked)
        return None

    def _customer_give_text(self, text):
        try:
            text = answer.check(self.kind, text, answer.options(self.choices))
        except answer.Refused as refused:
            return refused.code
        self._customer_keep({"state": "given", "answer": text})
        return None

    def _customer_not_needed(self, version, reason):
        """Keep why the customer says this does not apply to them; code of the problem, or None."""
        self.ensure_one()
        problem = self._customer_problem(version)
        if problem:
            return problem
        try:
            reason = answer.check("text", reason)
        except answer.Refused as refused:
            return "reason" if refused.code == "empty" else refused.code
        self._customer_keep({"state": "not_needed", "answer": reason})
        return None

    def _customer_remove(self, version, attachment_id):
        """Take one file back; code of the problem, or None."""
        self.ensure_one()
        problem = self._customer_problem(version)
        if problem:
            return problem
        left = self.attachment_ids.filtered(lambda attachment: attachment.id != attachment_id)
        if left == self.attachment_ids:
            return "stale"
        gone = self.attachment_ids - left
        self._set(
            {
                "state": "given" if left else "open",
                "attachment_ids": [fields.Command.set(left.ids)],
                "version": self.version + 1,
            }
        )
        gone.unlink()
        return None

    def _customer_has_news(self, text, files):
        """Whether the page brought something for this item that we do not know yet."""
        self.ensure_one()
        if self.kind == "file":
            return bool(files)
        known = "" if self.is_reason else self.answer or ""
        return answer.clean(text) not in ("", known)

    def _customer_problem(self, version):
        """Why this item cannot be answered (any more)."""
        if self.request_id.state == "waived" or self.state == "accepted":
            return "closed"
        return "stale" if version != self.version else None

    def _customer_keep(self, vals, checked=()):
        """Store an answer, tell the process, and the rep when it is their turn.

        What was returned, or said before in another way, is replaced.
        """
        replaced = (
            self.attachment_ids
            if self.state != "given" or vals["state"] == "not_needed"
            else self.env["ir.attachment"]
        )
        made = (
            self.env["ir.attachment"]
            .sudo()
            .with_context(image_no_postprocess=True)
            .create(
                [
                    {
                        "name": name,
                        "raw": content,
                        "mimetype": kind,
                        "res_model": self._name,
                        "res_id": self.id,
                    }
                    for name, kind, content in checked
                ]
            )
        )
        kept = self.attachment_ids - replaced + made
        self._set(
            vals
            | {
                "is_reason": vals["state"] == "not_needed",
                "reused_from_id": False,
                "attachment_ids": [fields.Command.set(kept.ids)],
                "date_given": self.env.cr.now(),
                "version": self.version + 1,
            }
        )
        replaced.filtered(lambda attachment: attachment.res_model == self._name).unlink()
        order = in_team_language(self.order_id)
        order.message_post(
            body=order.env._(
                "The customer answered “%(item)s”: %(state)s.",
                item=self.name,
                state=self.with_env(order.env)._state_label(),
            ),
            author_id=order.partner_id.id,
            subtype_xmlid="mail.mt_note",
        )
        order.opportunity_id._process_signal("portal_message", order)
        self.request_id._update()

    def _state_label(self):
        return dict(self._fields["state"]._description_selection(self.env))[self.state]
