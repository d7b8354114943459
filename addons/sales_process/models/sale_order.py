from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..engine import approval as engine
from .sale_order_contract import SIGNED_STATES
from .sales_document import INTERNAL, INTERNAL_KEY

# Fields by which an order becomes binding, or which say what a customer did: on a
# process order nobody writes them but our own flows.
PROTECTED_FIELDS = (
    "signature",
    "signed_by",
    "signed_on",
    "require_signature",
    "require_payment",
)
DECISION_FIELDS = (
    "process_decision",
    "process_decision_date",
    "process_decision_name",
    "process_decision_comment",
    "process_decision_version",
    "process_lost_reason_id",
)
BINDING_STATES = ("sent", "sale")


class SaleOrder(models.Model):
    """An order that belongs to a sales process: its papers, and its guarded roads.

    The guards hold for everybody, also for sudo, because Odoo's portal and payment
    flows run in it. Orders without a process are left as Odoo has them.
    """

    _inherit = "sale.order"

    is_process_order = fields.Boolean(compute="_compute_is_process_order", compute_sudo=True)
    sales_document_ids = fields.One2many("sales.document", "order_id", string="Documents")
    sales_document_count = fields.Integer(compute="_compute_sales_document_count")
    paper_link_ids = fields.One2many("sales.paper.link", "order_id", string="Customer's links")
    process_decision = fields.Selection(
        [
            ("accepted", "Accepted"),
            ("refused", "Refused"),
            ("change", "Change asked"),
        ],
        string="Customer's decision",
        readonly=True,
        copy=False,
        tracking=True,
    )
    process_decision_date = fields.Datetime("Decided on", readonly=True, copy=False)
    process_decision_name = fields.Char("Decided by", readonly=True, copy=False)
    process_decision_comment = fields.Text("Customer's words", readonly=True, copy=False)
    process_decision_version = fields.Integer("Version decided", readonly=True, copy=False)
    process_lost_reason_id = fields.Many2one(
        "crm.lost.reason", "Reason of refusal", readonly=True, copy=False, ondelete="set null"
    )

    @api.depends("opportunity_id")
    def _compute_is_process_order(self):
        process = self._process_orders()
        for order in self:
            order.is_process_order = order in process

    def _compute_sales_document_count(self):
        counts = dict(
            self.env["sales.document"]._read_group([("order_id", "in", self.ids)], ["order_id"], ["__count"])
        )
        for order in self:
            order.sales_document_count = counts.get(order, 0)

    # ------------------------------------------------------------------
    # Which orders
    # ------------------------------------------------------------------

    def _process_orders(self):
        """Those of these orders whose opportunity is, or was, in a sales process."""
        leads = self.sudo().opportunity_id
        running = leads.filtered("process_case_ids")
        return self.filtered(lambda order: order.sudo().opportunity_id in running)

    def _is_process_order(self):
        """Whether this order belongs to a sales process."""
        self.ensure_one()
        return bool(self._process_orders())

    def _process_as_rep(self):
        """This order as its salesperson sees it, in its company: who acts where a
        process acts by itself."""
        self.ensure_one()
        rep = self.user_id if self.user_id.active else self.env.user
        return self.with_user(rep).with_company(self.company_id)

    # ------------------------------------------------------------------
    # Guards
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        orders = super().create(vals_list)
        touched = orders.filtered(
            lambda order: order.state in BINDING_STATES or order.signature or order.process_decision
        )
        if touched:
            touched._process_orders()._check_process_forged()
            touched._check_process_binding()
        return orders

    def write(self, vals):
        self._check_process_signature_stays(vals)
        guarded = self._process_guarded(vals)
        if guarded:
            guarded._check_process_values(vals)
        result = super().write(vals)
        if vals.get("state") in BINDING_STATES:
            self._check_process_binding()
        elif vals.get("opportunity_id") and not self.env.su:
            # confirmed elsewhere, and brought in; a merge of leads brings what it finds
            self._check_process_binding()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent_papers(self):
        """What a customer has been sent is kept."""
        sent = self.sudo().sales_document_ids.filtered("date_sent").order_id
        if sent:
            raise UserError(
                self.env._(
                    "%s has documents that were sent to the customer and cannot be deleted. Cancel it.",
                    ", ".join(sent.mapped("name")),
                )
            )

    def unlink(self):
        # The papers of a draft go with it, so their files may.
        return super(SaleOrder, self.with_context(**{INTERNAL_KEY: INTERNAL})).unlink()

    def _process_guarded(self, vals):
        """The process orders among these, when `vals` holds anything we guard."""
        keys = {"opportunity_id", *PROTECTED_FIELDS, *DECISION_FIELDS}
        if keys.isdisjoint(vals) or self.env.context.get(INTERNAL_KEY) is INTERNAL:
            return self.browse()
        return self._process_orders()

    def _check_process_values(self, vals):
        """Refuse values that only our own flows may write on process orders."""
        own = [key for key in PROTECTED_FIELDS if vals.get(key)]  # Odoo empties a signature with the order
        own += [key for key in DECISION_FIELDS if key in vals]
        if own and any(not order._process_same(vals, key) for order in self for key in own):
            raise AccessError(
                self.env._(
                    "%s: what the customer accepts or signs is written by the customer's page only.",
                    ", ".join(self.mapped("name")),
                )
            )
        lead = self.env["crm.lead"].sudo().browse(vals.get("opportunity_id") or [])
        if "opportunity_id" in vals and not lead.process_case_ids:
            raise AccessError(
                self.env._(
                    "%s belongs to a sales process and cannot be taken out of it.",
                    ", ".join(self.mapped("name")),
                )
            )

    def _check_process_signature_stays(self, vals):
        """What a customer has signed is not emptied, not even with the order."""
        emptied = {key for key in ("signature", "signed_by", "signed_on") if key in vals and not vals[key]}
        signed = self.filtered(
            lambda order: order.contract_state in SIGNED_STATES and any(order[key] for key in emptied)
        )
        if signed:
            raise UserError(
                self.env._(
                    "%s: a signed contract keeps its signature. Make a new order instead.",
                    ", ".join(signed.mapped("name")),
                )
            )

    def _process_same(self, vals, key):
        field = self._fields[key]
        return field.convert_to_cache(vals[key], self, validate=False) == field.convert_to_cache(
            self[key], self, validate=False
        )

    def _check_process_forged(self):
        if self.filtered(lambda order: order.signature or order.process_decision) and (
            self.env.context.get(INTERNAL_KEY) is not INTERNAL
        ):
            raise AccessError(self.env._("A signature or a decision is not made with the order."))

    def _check_process_binding(self):
        """Refuse sent or confirmed process orders whose paper is not approved, and those that go past the
        process for want of an opportunity."""
        self._check_not_beside_process()
        for order in self._process_orders().filtered(lambda o: o.state in BINDING_STATES):
            problem = order._process_approval_problem()
            if problem:
                raise UserError(problem)

    def _check_not_beside_process(self):
        """A team that sells by a process does so for opportunities in it; who buys in a shop needs none."""
        if self.env.su or self.env.context.get(INTERNAL_KEY) is INTERNAL:
            return
        for order in self.filtered(lambda order: order.state in BINDING_STATES):
            team = order._process_team_passed_by()
            if team:
                raise UserError(order._beside_process_text(team))

    def _beside_process_text(self, team):
        lead = self.sudo().opportunity_id
        if not lead:
            return self.env._(
                "%(order)s: the team “%(team)s” sells by a process. "
                "Name the opportunity that the order is for.",
                order=self.name,
                team=team.name,
            )
        return self.env._(
            "%(order)s: the team “%(team)s” sells by a process, in which “%(lead)s” is not. "
            "Start the process for it, or ask your team leader to confirm the order.",
            order=self.name,
            team=team.name,
            lead=lead.name,
        )

    def _process_team_passed_by(self):
        """The team with a process that this order goes past; nothing, where it goes past none.

        An opportunity that no process is for is free, and so is an order that a leader confirms for somebody
        else: of deals that were there before the process.
        """
        self.ensure_one()
        processes, lead = self.env["sales.process"], self.sudo().opportunity_id
        teams, team = processes._active_by_team(), self._process_selling_team()
        if lead.process_case_ids or team.id not in teams or self._is_from_shop():
            return team.browse()
        if not lead:
            return team
        is_own = self.env.user in self._approval_sellers()
        if not is_own and self.env.user.has_group("sales_process.group_leader"):
            return team.browse()
        is_meant = lead.team_id.id not in teams or processes._for_leads(lead)
        return team if is_meant else team.browse()

    def _process_selling_team(self):
        """The order's team; the seller's own where the order names one that they are no member of."""
        seller = self.user_id or self.env.user
        team, own = self.sudo().team_id, seller.sudo().sale_team_id
        is_member = seller in team.member_ids | team.user_id
        return team if team and (is_member or not own) else own or team

    def _is_from_shop(self):
        """Whether a customer made this order on a website; a salesperson can name one on any order."""
        return bool("website_id" in self._fields and self.website_id and self.create_uid.share)

    def _process_approval_problem(self, kind=None):
        """Why this paper may not go out yet, or nothing."""
        self.ensure_one()
        missing = self._approval_missing(kind or self._process_paper_kind())
        if not missing:
            return None
        approvers = self.env["res.users"].union(
            *(rule._approvers(self.sudo(), user) for rule, user in missing)
        )
        return self.env._(
            "%(order)s is not approved. It waits for: %(approvers)s.",
            order=self.name,
            approvers=", ".join(approvers.sudo().mapped("name")) or self.env._("a sales manager"),
        )

    def _confirmation_error_message(self):
        message = super()._confirmation_error_message()
        if message or not self._is_process_order():
            return message
        return self._process_approval_problem() or False

    def _prepare_invoice(self):
        """No bill, not even for a part in advance, of what is not approved."""
        if self._process_orders().filtered(lambda order: order.state in ("draft", "sent")):
            problem = self._process_approval_problem()
            if problem:
                raise UserError(problem)
        return super()._prepare_invoice()

    def action_quotation_send(self):
        offers = self._process_orders().filtered(lambda order: order.state in ("draft", "sent"))
        if offers:
            raise UserError(
                self.env._(
                    "%s: use “Send proposal”. It checks the approval, keeps the file and "
                    "gives the customer a link of their own.",
                    ", ".join(offers.mapped("name")),
                )
            )
        return super().action_quotation_send()

    # ------------------------------------------------------------------
    # Odoo's own portal
    # ------------------------------------------------------------------

    def _has_to_be_signed(self):
        return super()._has_to_be_signed() and not self._is_process_order()

    def _has_to_be_paid(self):
        return super()._has_to_be_paid() and not self._is_process_order()

    def _can_be_edited_on_portal(self):
        return super()._can_be_edited_on_portal() and not self._is_process_order()

    def _notify_get_recipients_groups(self, message, model_description, msg_vals=False):
        """No button to Odoo's page in the mails: its token never ends."""
        groups = super()._notify_get_recipients_groups(message, model_description, msg_vals=msg_vals)
        if len(self) == 1 and self._is_process_order():
            for name, _function, data in groups:
                if name in ("portal_customer", "portal", "follower", "customer"):
                    data["has_button_access"] = False
        return groups

    # ------------------------------------------------------------------
    # Papers
    # ------------------------------------------------------------------

    def _process_make_document(self, kind, anew=False):
        """The PDFs of these orders as they are now, as `sales.document`.

        The same content is not rendered twice: then the document that is there is
        returned, or, where terms have changed that are not printed, its file is the next version.

        :param anew: the version that is there was taken back, or declined: it is the next one anyway
        """
        self.check_access("write")
        documents = self.env["sales.document"]
        ready = {document.order_id.id: document for document in documents._last(self, kind)}
        for order in self:
            paper = order._process_paper(kind)
            last = ready.get(order.id)
            same = last and last.fingerprint == paper.fingerprint and last._is_current()
            if anew or not same:
                last = order._process_keep_document(kind, paper)
            documents += last.with_env(self.env)
        return documents

    def _process_keep_document(self, kind, paper):
        """The next version of a paper; what was rendered before is not rendered again."""
        documents = self.env["sales.document"]
        same = documents._same(self, kind, paper.fingerprint)
        return documents._make(
            self,
            kind,
            same._content() if same else self._process_paper_pdf(paper.html, kind, footer=paper.footer),
            self._process_paper_name(kind),
            fingerprint=paper.fingerprint,
            values_fingerprint=self._process_values_fingerprint(kind),
            template_id=paper.template.id,
            template_version=paper.template.version,
        )

    def _process_values_fingerprint(self, kind):
        """What tells later whether a paper of this kind still says what the order says."""
        return engine.fingerprint(engine.offered(self.sudo()._approval_values(kind)))

    def _process_paper_name(self, kind):
        """The paper's name, as the customer reads it on the file."""
        self.ensure_one()
        order = self.with_context(lang=self._process_lang())
        kinds = dict(order.env["sales.document"]._fields["kind"]._description_selection(order.env))
        return f"{kinds[kind]} {order._process_paper_number(kind)}".replace("/", "-")

    def _process_paper_number(self, kind):
        """The number printed on this kind of paper; contracts have their own."""
        return self.name

    def _process_lang(self):
        """The language the customer reads."""
        self.ensure_one()
        return self.partner_id.lang or self.env.user.lang or self.env.lang

    def _process_zone(self):
        """The name of the time zone the customer's clock shows, as far as it is known."""
        self.ensure_one()
        return self.partner_id.tz or self.user_id.tz or "UTC"

    def _process_link_url(self, purpose):
        """A fresh address of the customer's page, to be put into a letter.

        The process alone (sudo) gets one. A person who renders a template, in Odoo's own composer or for a
        look at it, gets a stand-in, which gives way to a link when their mail leaves (`mail.mail`).

        For many orders at once make the links first and hand them on in the context
        (`_process_with_links`): then there is one insert and not one an order.
        """
        self.ensure_one()
        ready = self.env.context.get("process_links")
        if isinstance(ready, ReadyLinks) and (self.id, purpose) in ready:
            token = ready[self.id, purpose]
        elif isinstance(ready, NoLinks) or not self.env.su:
            return self.get_base_url() + self.env["sales.paper.link"]._stand_in(self.id, purpose)
        else:
            token = self.env["sales.paper.link"]._make(self, purpose)[self.id]
        return f"{self.get_base_url()}/sales_process/paper/{token}"

    def _process_with_links(self, purpose):
        """These orders with their links made beforehand, in one insert."""
        tokens = self.env["sales.paper.link"]._make(self, purpose)
        links = ReadyLinks({(order_id, purpose): token for order_id, token in tokens.items()})
        return self.with_context(process_links=links)

    def action_view_sales_documents(self):
        """The papers made for this order."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("sales_process.action_sales_document")
        return {**action, "domain": [("order_id", "=", self.id)]}


class ReadyLinks(dict):
    """Tokens made beforehand; a type of our own, so that no client can hand one in."""


class NoLinks(dict):
    """Says that no link is to be made, also where Odoo renders a person's letter with sudo."""
