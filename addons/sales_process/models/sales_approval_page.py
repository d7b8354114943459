from markupsafe import Markup
from odoo import models
from odoo.tools import consteq, format_amount, hmac

from ..engine import approval as engine

# As Odoo's own buttons in mails, in the company's colours: the background and the text.
BUTTON = (
    "display: inline-block; padding: 8px 16px; border-radius: 3px; text-decoration: none; font-weight: bold;"
    " background-color: {}; color: {};"
)


class SalesApproval(models.Model):
    """What an approver is shown, in Odoo and on the page of a mail's link: what is asked, beside what was
    approved last."""

    _inherit = "sales.approval"

    # ------------------------------------------------------------------
    # The mail with a link
    # ------------------------------------------------------------------

    def _tell_approvers(self, users_of=None):
        """A mail to each who is asked, one for all papers, with a link to answer each by.

        :param dict users_of: question -> whom to tell of it; None: all who are asked.
        """
        of_user = {}
        for approval in self:
            users = approval.approver_ids if users_of is None else users_of[approval]
            for user in users - self.env.user:
                of_user[user] = of_user.get(user, self.browse()) | approval
        for user, approvals in of_user.items():
            approvals.with_context(lang=user.lang or self.env.lang)._tell(user)

    def _tell(self, user):
        company = self.order_id.company_id[:1]
        style = BUTTON.format(
            company.email_secondary_color or "#875A7B", company.email_primary_color or "#FFFFFF"
        )
        lines = [
            Markup('<p>%s</p><p><a href="%s" style="%s">%s</a></p>')
            % (approval._question_text(), approval._link(user), style, self.env._("Look at it and answer"))
            for approval in self
        ]
        subject = (
            self.env._("%s waits for your approval", self.order_id.name)
            if len(self) == 1
            else self.env._("%s documents wait for your approval", len(self))
        )
        self[:1].order_id.message_notify(
            partner_ids=user.partner_id.ids,
            subject=subject,
            body=Markup().join(lines),
            author_id=self.asked_by_id[:1].partner_id.id or self.env.ref("base.partner_root").id,
        )

    def _question_text(self):
        order = self.order_id
        return self.env._(
            "%(paper)s %(order)s for %(customer)s, %(amount)s, by %(seller)s",
            paper=order._approval_kind_name(self.kind),
            order=order.name,
            customer=order.partner_id.display_name,
            amount=format_amount(self.env, order.amount_untaxed, order.currency_id),
            seller=order.user_id.name or "—",
        )

    def _link(self, user):
        """The address at which this user answers: it is worth nothing in another's hands, as the page asks
        who is there."""
        return f"{self.get_base_url()}/sales_process/approval/{self.id}/{self._link_token(user)}"

    def _link_opens(self, token):
        """Whether this is the link that the current user was sent."""
        return self.state == "waiting" and consteq(self.sudo()._link_token(self.env.user), token)

    def _page_state(self, token):
        """What the page of this link shows: the question, how it was answered, or nothing."""
        if self.state != "waiting":
            return self.state
        return "waiting" if self._link_opens(token) and not self._decision_problem() else "unknown"

    def _page_rows(self):
        """[(what, approved last, now, whether it got worse)] of the figures that were judged."""
        self.ensure_one()
        approval = self.sudo()
        now, last = approval.order_id._approval_values(self.kind), approval._last_approved()
        before = last.judged_values or {}
        worse = set(approval.rule_id._worsened(before, now)) if before else set()
        currency = approval.company_id.currency_id
        labels = {
            "amount": (self.env._("Amount, untaxed"), lambda value: format_amount(self.env, value, currency)),
            "discount": (self.env._("Discount"), shown_percent),
            "margin": (self.env._("Margin"), shown_percent),
            "uplift": (self.env._("Raised at the renewal by"), shown_percent),
            "payment_days": (self.env._("Paid within, days"), lambda value: f"{value:g}"),
        }
        figures = [
            (label, shown(before[name]) if name in before else "", shown(now[name]), name in worse)
            for name, (label, shown) in labels.items()
            if name in now
        ]
        return [
            *figures,
            *approval._page_list_row(now["discount"]),
            *approval._page_product_rows(before.get("products") or {}, now["products"]),
            *approval._page_form_row(before.get("terms") or {}, now["terms"]),
        ]

    def _page_list_row(self, told):
        """How far all together is under the price list it is measured by, where the discounts do not tell it.

        :param told: the discount, in percent, that stands on the lines.
        """
        order = self.order_id
        under = order._approval_discount_whole()
        if under <= told + engine.PERCENT_TOLERANCE:
            return []
        partner = order.partner_id.with_company(order.company_id)
        name = partner._process_pricelist(order._approval_sellers()).name
        shown = f"{shown_percent(under)} ({name})" if name else shown_percent(under)
        return [(self.env._("Under the price list"), "", shown, False)]

    def _page_product_rows(self, before, now):
        """The products that are sold otherwise than was approved last: what they were and are."""
        if not before:
            return []
        changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
        names = self._product_names(changed)
        return [
            (
                names[key],
                self._product_figures(before.get(key)),
                self._product_figures(now.get(key)) or "—",
                key in now and bool(engine.worse_line(before.get(key), now[key])),
            )
            for key in changed
        ]

    def _product_names(self, keys):
        """dict key of a judged product -> its name; lines without a product have their text as key."""
        numbers = [int(key) for key in keys if key.isdigit()]
        products = self.env["product.product"].sudo().browse(numbers).exists()
        names = {str(product.id): product.display_name for product in products}
        return {key: names.get(key, key.split("\n")[0]) for key in keys}

    def _product_figures(self, line):
        """What is judged of a product, as a seller would write it: "10 × 95.00 €"."""
        if not line:
            return ""
        return f"{line['qty']:g} × {format_amount(self.env, line['net'], self.currency_id)}"

    def _form_judged(self):
        """What is asked, for the form of the process' task: the same as on the page of a mail's link.

        :return: dict with `rule`, `approvers`, `changes`, `compared` (whether something was approved before),
            `fingerprint` of what is shown, and `rows` of `what`, `last`, `now`, `worse`.
        """
        self.ensure_one()
        approval = self.sudo()
        return {
            "rule": approval.rule_id.name or "",
            "approvers": ", ".join(approval.approver_ids.mapped("name")),
            "changes": approval.changes or "",
            "fingerprint": approval.current_fingerprint,
            "compared": bool(approval._last_approved()),
            "rows": [
                {"what": what, "last": last, "now": now, "worse": worse}
                for what, last, now, worse in self._page_rows()
            ],
        }

    def _page_form_row(self, before, now):
        """The row that says whose words the contract is in, where they are or were not ours."""
        first, last = (terms.get("contract_form_sha256") for terms in (before, now))
        if not first and not last:
            return []
        own, ours = self.env._("the customer's own form"), self.env._("our template")
        text = (own if first else ours) if before else ""
        return [(self.env._("Text"), text, own if last else ours, bool(before) and first != last)]

    def _link_token(self, user):
        return hmac(self.env(su=True), "sales_process.approval", (self.id, user.id, str(self.date_asked)))


def shown_percent(value):
    """A share as people write it: "9.14 %"."""
    return f"{round(value, 2):g} %"
