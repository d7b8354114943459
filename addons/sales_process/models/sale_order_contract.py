import hashlib
import json
import logging
from datetime import timedelta

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.service.model import PG_CONCURRENCY_ERRORS_TO_RETRY
from odoo.tools import SQL, float_round, format_date, sql

from ..engine import term

_logger = logging.getLogger(__name__)

BATCH = 100
DEFAULT_LEAD_DAYS = 60
DEFAULT_VALIDITY_DAYS = 30

# Only the methods of this file set these. See ``_contract_set``.
PROTECTED_FIELDS = frozenset({
    'contract_state', 'contract_number', 'contract_anchor_date', 'contract_digest',
    'contract_terminated_date', 'contract_terminated_reason', 'contract_timer_error', 'contract_timer_error_date',
    'renewal_of_id', 'renewal_lead_id',
})
# What the parties agree on: part of the paper, so not to be changed behind its back.
TERM_FIELDS = (
    'contract_date_start', 'contract_term_months', 'contract_date_end', 'contract_open_ended',
    'contract_notice_days', 'contract_tacit_renewal', 'contract_uplift_percent', 'contract_special_terms',
    'contract_our_signatory', 'contract_our_position', 'contract_our_authority',
    'contract_customer_signatory', 'contract_customer_position', 'contract_customer_authority',
)
OFFERED_STATES = ('draft', 'approval', 'to_sign')
SIGNED_STATES = ('running', 'renewed', 'expired', 'terminated')


class SaleOrder(models.Model):
    """The contract part of an order: each term of a contract is an order of its own.

    The terms are chained by ``renewal_of_id``. State, number and the chain are facts that
    only the methods here establish; nobody can write them, through whatever interface.
    """

    _inherit = 'sale.order'

    contract_state = fields.Selection(
        selection=[
            ('none', "No Contract"),
            ('draft', "Draft"),
            ('approval', "Waiting for Approval"),
            ('to_sign', "To Sign"),
            ('running', "Running"),
            ('renewed', "Renewed"),
            ('expired', "Expired"),
            ('terminated', "Terminated"),
            ('declined', "Declined"),
        ],
        string="Contract Status", default='none', required=True, readonly=True, copy=False, tracking=True,
    )
    contract_number = fields.Char(readonly=True, copy=False, index='btree_not_null')
    contract_date_start = fields.Date(string="Contract Start", copy=False, tracking=True)
    contract_term_months = fields.Integer(
        string="Term (Months)", help="Length of one term. 0: up to the end date given, or open-ended.")
    contract_open_ended = fields.Boolean(string="Open-ended", help="Runs until one of the parties ends it.")
    contract_date_end = fields.Date(
        string="Contract End", compute='_compute_contract_date_end', inverse='_inverse_contract_date_end',
        store=True, readonly=False, copy=False, tracking=True, help="Last day of the current term.")
    contract_anchor_date = fields.Date(
        readonly=True, copy=False, help="First day of the first term: the ends of all terms are counted from it.")
    contract_notice_days = fields.Integer(
        string="Notice (Days)", help="How many days before the end notice must be given. 0: none is needed.")
    contract_notice_date = fields.Date(
        string="Cancel By", compute='_compute_contract_dates', store=True, index='btree_not_null',
        help="Last day on which notice can be given for the end of the current term.")
    contract_last_day = fields.Date(
        compute='_compute_contract_dates', store=True,
        help="The day after which the contract is over: the end of its term, or earlier where it was terminated.")
    contract_tacit_renewal = fields.Boolean(
        string="Renews by Itself", help="Without notice the contract goes on for another term.")
    contract_uplift_percent = fields.Float(
        string="Uplift (%)", digits=(5, 2), help="By how much the prices of the next term are raised.")
    contract_renewal_lead_days = fields.Integer(
        string="Start Renewal (Days Before)", default=DEFAULT_LEAD_DAYS,
        help="How many days before the cancel-by date, or before the end, the renewal is started.")
    contract_renewal_due = fields.Date(
        string="Renewal Starts", compute='_compute_contract_dates', store=True)
    contract_our_signatory = fields.Char(string="Our Signatory")
    contract_our_position = fields.Char(string="Our Signatory's Position")
    contract_our_authority = fields.Char(
        string="Our Signatory's Authority", help="What the signatory acts upon: charter, power of attorney, …")
    contract_customer_signatory = fields.Char(string="Customer's Signatory")
    contract_customer_position = fields.Char(string="Customer's Signatory's Position")
    contract_customer_authority = fields.Char(string="Customer's Signatory's Authority")
    contract_special_terms = fields.Html(string="Special Terms", sanitize_attributes=True)
    contract_churn_reason_id = fields.Many2one(
        'crm.lost.reason', string="Churn Reason", copy=False, index='btree_not_null', ondelete='restrict')
    contract_terminated_date = fields.Date(string="Terminated On", readonly=True, copy=False)
    contract_terminated_reason = fields.Char(string="Termination Reason", readonly=True, copy=False)
    contract_digest = fields.Char(
        readonly=True, copy=False, help="Fingerprint of what the contract's paper was made from.")
    contract_timer_error = fields.Text(
        readonly=True, copy=False, help="Why the timer could not do its work; it tries again once this is cleared.")
    # A moment rather than the text: "no text" is two conditions in SQL, and no partial index answers both.
    contract_timer_error_date = fields.Datetime(readonly=True, copy=False)
    contract_value_at_risk = fields.Monetary(
        string="Value at Risk", compute='_compute_contract_value_at_risk', store=True,
        currency_field='contract_company_currency_id',
        help="Untaxed amount of a running contract, in the company's currency.")
    contract_company_currency_id = fields.Many2one(related='company_id.currency_id', string="Company Currency")
    renewal_of_id = fields.Many2one(
        'sale.order', string="Renewal Of", readonly=True, copy=False, check_company=True,
        index='btree_not_null', ondelete='restrict')
    renewal_ids = fields.One2many('sale.order', 'renewal_of_id', string="Renewals", readonly=True)
    renewal_lead_id = fields.Many2one(
        'crm.lead', string="Renewal Opportunity", readonly=True, copy=False,
        index='btree_not_null', ondelete='set null')

    document_request_ids = fields.One2many('sales.document.request', 'order_id', string="Documents Requests")
    document_request_count = fields.Integer(compute='_compute_document_request_count')

    _contract_number_unique = models.UniqueIndex(
        '(company_id, contract_number) WHERE contract_number IS NOT NULL',
        "A contract with this number exists already.")
    _renewal_unique = models.UniqueIndex(
        "(renewal_of_id) WHERE renewal_of_id IS NOT NULL AND state != 'cancel' AND contract_state != 'declined'",
        "This contract has been renewed already.")
    # The two timers read these, and nothing else: an idle run costs the same with a million contracts.
    _contract_renewal_due_idx = models.Index(
        "(contract_renewal_due, id) WHERE contract_state = 'running' AND renewal_lead_id IS NULL"
        " AND contract_timer_error_date IS NULL AND contract_renewal_due IS NOT NULL")
    _contract_last_day_idx = models.Index(
        "(contract_last_day, id) WHERE contract_state = 'running'"
        " AND contract_timer_error_date IS NULL AND contract_last_day IS NOT NULL")

    _contract_term_months_check = models.Constraint(
        f'CHECK(contract_term_months >= 0 AND contract_term_months <= {term.MAX_MONTHS})',
        "A contract's term must have 0 to 1200 months.")
    _contract_notice_days_check = models.Constraint(
        'CHECK(contract_notice_days >= 0 AND contract_renewal_lead_days >= 0)',
        "The days of notice, and those to start the renewal, cannot be negative.")
    _contract_uplift_check = models.Constraint(
        'CHECK(contract_uplift_percent > -100 AND contract_uplift_percent <= 1000)',
        "The uplift must be more than -100 % and at most 1000 %.")

    # ------------------------------------------------------------
    # Installation
    # ------------------------------------------------------------

    def _auto_init(self):
        """Add the columns with their value, so that installing writes to no order of a live company."""
        columns = {
            'contract_state': "varchar NOT NULL DEFAULT 'none'",
            'contract_renewal_lead_days': f"int4 DEFAULT {DEFAULT_LEAD_DAYS}",
            'contract_date_end': 'date',
            'contract_notice_date': 'date',
            'contract_last_day': 'date',
            'contract_renewal_due': 'date',
            'contract_value_at_risk': 'numeric',
        }
        missing = columns.keys() - sql.table_columns(self.env.cr, self._table).keys()
        for name in sorted(missing):
            self.env.cr.execute(SQL(
                "ALTER TABLE %s ADD COLUMN %s %s", SQL.identifier(self._table), SQL.identifier(name),
                SQL(columns[name])))
            self.env.cr.execute(SQL(
                "ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT", SQL.identifier(self._table), SQL.identifier(name)))
        return super()._auto_init()

    # ------------------------------------------------------------
    # Computes and constraints
    # ------------------------------------------------------------

    @api.depends('contract_date_start', 'contract_term_months', 'contract_open_ended')
    def _compute_contract_date_end(self):
        for order in self:
            months = order.contract_term_months
            if order.contract_open_ended:
                order.contract_date_end = False
            elif order.contract_date_start and 0 < months <= term.MAX_MONTHS:
                order.contract_date_end = order._contract_term().end
            else:
                order.contract_date_end = order.contract_date_end

    def _inverse_contract_date_end(self):
        """An end set by hand decides the length of the term."""
        for order in self:
            start, end = order.contract_date_start, order.contract_date_end
            if end and order.contract_open_ended:
                order.contract_open_ended = False
            if start and end and end >= start:
                order.contract_term_months = term.whole_months(start, end, order.contract_anchor_date or None)
            elif not end:
                order.contract_term_months = 0

    @api.depends('contract_date_end', 'contract_notice_days', 'contract_renewal_lead_days', 'contract_terminated_date')
    def _compute_contract_dates(self):
        for order in self:
            end, notice = order.contract_date_end or None, order.contract_notice_days
            ended = order.contract_terminated_date
            order.contract_notice_date = term.notice_date(end, notice) or False
            order.contract_last_day = ended or end or False
            order.contract_renewal_due = not ended and term.renewal_due(
                end, notice, order.contract_renewal_lead_days) or False

    @api.depends('amount_untaxed', 'currency_rate', 'contract_state')
    def _compute_contract_value_at_risk(self):
        for order in self:
            running = order.contract_state == 'running'
            order.contract_value_at_risk = order._contract_company_amount() if running else 0.0

    @api.depends('document_request_ids')
    def _compute_document_request_count(self):
        counts = dict(self.env['sales.document.request']._read_group(
            [('order_id', 'in', self.ids)], ['order_id'], ['__count']))
        for order in self:
            order.document_request_count = counts.get(order, 0)

    @api.constrains('contract_date_start', 'contract_date_end')
    def _check_contract_dates(self):
        for order in self:
            start, end = order.contract_date_start, order.contract_date_end
            if start and end and end < start:
                raise ValidationError(self.env._("%s: a contract cannot end before it starts.", order.display_name))

    # ------------------------------------------------------------
    # ORM: what nobody may write
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        fresh = dict.fromkeys(PROTECTED_FIELDS, False) | {'contract_state': 'none'}
        for vals in vals_list:
            self._contract_check_protected({name for name in vals if vals[name] != fresh.get(name)})
        # Given outright, no default of the caller's context takes their place.
        return super().create([vals | fresh for vals in vals_list])

    def write(self, vals):
        self._contract_check_protected(vals)
        changed = self._contract_terms_changed(vals)
        signed = changed.filtered(lambda order: order.contract_state in SIGNED_STATES)
        if signed:
            raise UserError(self.env._(
                "The terms of a signed contract cannot be changed: %s. Renew or terminate it.",
                ", ".join(signed.mapped('display_name'))))
        result = super().write(vals)
        changed.filtered(lambda order: order.contract_state in ('approval', 'to_sign'))._contract_reopen()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_contract(self):
        numbered = self.filtered('contract_number')
        if numbered:
            raise UserError(self.env._(
                "A contract that has its number is kept, so that no number is missing: %s. Cancel the order instead.",
                ", ".join(numbered.mapped('contract_number'))))

    def _contract_set(self, vals):
        """Write protected fields.

        It goes past this class' own ``write``, where they are refused, rather than by a
        key in the context, which a client could send as well. Access rights hold as ever.
        """
        return super().write(vals)

    def _contract_check_protected(self, names):
        forbidden = PROTECTED_FIELDS.intersection(names)
        if forbidden:
            raise AccessError(self.env._(
                "These fields are set by the contract's own actions, not by hand: %s.", ", ".join(sorted(forbidden))))

    def _contract_terms_changed(self, vals):
        """The orders with a contract of which a term would really be another than it is."""
        names = [name for name in TERM_FIELDS if name in vals]
        if not names:
            return self.browse()

        def value(order, name):
            field = order._fields[name]
            return field.convert_to_cache(vals[name], order), field.convert_to_cache(order[name], order)

        return self.filtered(lambda order: order.contract_state != 'none' and any(
            new != old for new, old in (value(order, name) for name in names)))

    # ------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------

    def action_contract_request_documents(self):
        """Ask the customers for the documents of their contract: once, by a letter with a link.

        Asked again, nothing happens: a reminder is sent from the request itself.
        """
        self.check_access('write')
        requests = self.env['sales.document.request']._make(self)
        requests.filtered(lambda request: not request.date_sent)._send('sales_process.mail_template_documents_request')
        return requests.ids

    def action_view_document_requests(self):
        """What the customer was asked for, and how far they have got."""
        self.ensure_one()
        action = self.env['ir.actions.act_window']._for_xml_id('sales_process.action_sales_document_request')
        action |= {'domain': [('order_id', '=', self.id)], 'context': {}}
        requests = self.document_request_ids
        return action | ({'views': [(False, 'form')], 'res_id': requests.id} if len(requests) == 1 else {})

    def action_contract_generate(self):
        """Make the contract's paper from today's values, with its number, and ask for approval.

        Everything that is missing is named at once, for all orders, before anything is made.
        """
        self.check_access('write')
        self._contract_fill_signatories()
        self._contract_refuse(lambda order: order._contract_missing())
        for order in self:
            order._contract_generate_one()
        return True

    def action_contract_send(self):
        """Send the customer the link to sign the contract: approved, and made from the values of today."""
        self.check_access('write')
        self._contract_refuse(lambda order: order._contract_send_obstacles())
        self._process_mail_link('sales_process.mail_template_contract_sign', 'contract')
        self._contract_set({'contract_state': 'to_sign'})
        return True

    def action_contract_terminate(self, date, reason, churn_reason_id=None):
        """End running contracts early, or give notice for their end.

        :param date: the last day; in the past or today it is over at once, else the timer ends it then
        :param reason: why, in words
        :param churn_reason_id: why, as a lost reason
        """
        self.check_access('write')
        date, reason = fields.Date.to_date(date), (reason or '').strip()
        self._contract_refuse(lambda order: order._contract_terminate_obstacles(date, reason))
        vals = {'contract_terminated_date': date, 'contract_terminated_reason': reason}
        if churn_reason_id:
            vals['contract_churn_reason_id'] = churn_reason_id
        self._contract_set(vals)
        self._contract_withdraw_renewals(self.env._("The contract was terminated: %s", reason))
        today = fields.Date.context_today(self)
        over = self.filtered(lambda order: date < today or date == today != order.contract_date_end)
        over._contract_end_term()
        (self - over)._contract_signal_ended()
        return True

    def action_contract_renew(self):
        """Make the order of the next term, once: a second click opens the one that was made.

        :return: the action that opens it (one contract), or all of them
        """
        self.check_access('write')
        renewals = self._contract_make_renewal()
        action = {
            'type': 'ir.actions.act_window',
            'name': self.env._("Renewal"),
            'res_model': 'sale.order',
            'view_mode': 'form' if len(renewals) == 1 else 'list,form',
        }
        return action | (
            {'res_id': renewals.id} if len(renewals) == 1 else {'domain': [('id', 'in', renewals.ids)]})

    def action_contract_timer_retry(self):
        """Let the timer try again what it could not do."""
        self.check_access('write')
        self._contract_set({'contract_timer_error': False, 'contract_timer_error_date': False})
        self.env.ref('sales_process.ir_cron_sales_process_contract_timers').sudo()._trigger()
        return True

    # ------------------------------------------------------------
    # Making the contract
    # ------------------------------------------------------------

    def _contract_fill_signatories(self):
        """Propose who signs, where nobody was named: the rep, and the customer's person."""
        for order in self.filtered(lambda order: order.contract_state not in SIGNED_STATES):
            if not order.contract_our_signatory:
                order.contract_our_signatory = order.user_id.name
            if not order.contract_customer_signatory:
                order.contract_customer_signatory = order._contract_customer_person()

    def _contract_customer_person(self):
        """The name of a person at the customer's: the customer, their contact, or whom the lead names."""
        self.ensure_one()
        partner = self.partner_id
        if not partner.is_company:
            return partner.name
        contacts = partner.child_ids.filtered(lambda child: child.type == 'contact' and child.name)
        return contacts[:1].name or self.opportunity_id.contact_name

    def _contract_missing(self):
        """What has to be known before the contract can be made, in words; empty: nothing."""
        self.ensure_one()
        if self.contract_state in SIGNED_STATES:
            return [self.env._("it is signed already")]
        has_end = self.contract_date_end or self.contract_open_ended
        checks = [
            (self.state != 'cancel', self.env._("the order is cancelled")),
            (self.partner_id, self.env._("customer")),
            (self.partner_id.name, self.env._("name of the customer")),
            (self.order_line.filtered(lambda line: not line.display_type), self.env._("at least one product")),
            (self.amount_total > 0, self.env._("an amount above zero")),
            (self.contract_date_start, self.env._("start of the contract")),
            (has_end, self.env._("end or term of the contract, or that it is open-ended")),
            (self.contract_our_signatory, self.env._("our signatory")),
            (self.contract_customer_signatory, self.env._("the customer's signatory")),
        ]
        return [text for present, text in checks if not present]

    def _contract_generate_one(self):
        """Number, paper and approval of one contract. The number comes last of what can fail cheaply."""
        self.ensure_one()
        vals = {'contract_state': 'draft'}
        if not self.contract_number:
            vals['contract_number'] = self._contract_next_number()
        if self.state in ('draft', 'sent'):
            days = self.company_id.quotation_validity_days or DEFAULT_VALIDITY_DAYS
            vals['validity_date'] = fields.Date.context_today(self) + timedelta(days=days)
        self._contract_set(vals)
        self._process_make_document('contract')
        self._contract_set({'contract_digest': self._contract_make_digest()})
        if self._approval_request('contract') and not self._approval_is_valid('contract'):
            self._contract_set({'contract_state': 'approval'})

    def _contract_next_number(self):
        """The next number of the company's own row, made with its first contract.

        The row is locked until the end of the transaction: a failure gives the number back.
        """
        self.ensure_one()
        company = self.company_id
        domain = [('code', '=', 'sales_process.contract'), ('company_id', '=', company.id)]
        sequence = self.env['ir.sequence'].sudo().search(domain, limit=1)
        if not sequence:
            # Two first contracts at once: the second fails to serialize, and is tried again by Odoo.
            self.env.cr.execute("UPDATE res_company SET write_uid = write_uid WHERE id = %s", [company.id])
            sequence = self.env['ir.sequence'].sudo().create({
                'name': self.env._("Contracts of %s", company.name),
                'code': 'sales_process.contract',
                'company_id': company.id,
                'implementation': 'no_gap',
                'prefix': 'C%(year)s-',
                'padding': 5,
            })
        return sequence.next_by_id()

    def _contract_make_digest(self):
        """Fingerprint of everything the contract's paper says."""
        self.ensure_one()
        lines = self.order_line.sorted(lambda line: (line.sequence, line.id))
        content = [
            self.contract_number, self.company_id.id, self.partner_id.id, self.partner_invoice_id.id,
            self.currency_id.name, f'{self.amount_untaxed:.2f}', f'{self.amount_total:.2f}',
            self.payment_term_id.id, [str(self[name] or '') for name in TERM_FIELDS],
            [[line.display_type, line.product_id.id, line.name, line.product_uom_id.id, repr(line.product_uom_qty),
              repr(line.price_unit), repr(line.discount), sorted(line.tax_ids.ids)] for line in lines],
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def _contract_is_current(self):
        """Whether the contract's paper says what the order says now: only such a paper is sent and signed."""
        self.ensure_one()
        return bool(self.contract_digest) and self.contract_digest == self._contract_make_digest()

    def _contract_reopen(self):
        """A term was changed after the paper was made: it has to be made, approved and sent anew."""
        if not self:
            return
        self._contract_set({'contract_state': 'draft', 'contract_digest': False})
        self._contract_revoke_links()
        for order in self:
            order.message_post(body=self.env._("The contract's terms were changed: it has to be made and approved anew."))

    def _process_paper_kind(self):
        """An order with a contract is made binding by the contract, and approved as one."""
        self.ensure_one()
        return 'contract' if self.contract_state not in ('none', 'declined') else super()._process_paper_kind()

    def _process_paper_number(self, kind):
        """A contract bears its own number."""
        return self.contract_number if kind == 'contract' and self.contract_number else super()._process_paper_number(kind)

    def _approval_terms(self, kind):
        """The terms an approver of a contract judges: none of them can be changed afterwards without being asked again."""
        terms = super()._approval_terms(kind)
        return terms | {name: str(self[name] or '') for name in TERM_FIELDS} if kind == 'contract' else terms

    # ------------------------------------------------------------
    # Sending, signing, declining
    # ------------------------------------------------------------

    def _contract_send_obstacles(self):
        """Why the contract cannot be sent, in words; empty: it can."""
        self.ensure_one()
        checks = [
            (self.contract_state in OFFERED_STATES, self.env._("there is no contract to sign")),
            (self.state != 'cancel', self.env._("the order is cancelled")),
            (self._contract_is_current(),
             self.env._("the order was changed after the contract was made: make it again")),
            (self._approval_is_valid('contract'), self.env._("it is not approved")),
            (self.partner_id.email, self.env._("the customer has no e-mail address")),
            (not self.validity_date or self.validity_date >= fields.Date.context_today(self),
             self.env._("the offer has expired: make the contract again")),
        ]
        return [text for fine, text in checks if not fine]

    def _contract_mark_signed(self):
        """The contract is signed: it runs, and the term before it is renewed. Signing twice is signing once."""
        orders = self.filtered(lambda order: order.contract_state != 'running')
        wrong = orders.filtered(lambda order: order.contract_state != 'to_sign' or not order._contract_is_current())
        if wrong:
            raise UserError(self.env._(
                "Not a contract that can be signed as it stands: %s.", ", ".join(wrong.mapped('display_name'))))
        orders._contract_set({'contract_state': 'running'})
        orders.renewal_of_id.filtered(
            lambda order: order.contract_state in ('running', 'expired'))._contract_set({'contract_state': 'renewed'})
        return True

    def _contract_mark_declined(self, reason=None):
        """The customer does not sign: the offer is over, and its links with it."""
        offered = self.filtered(lambda order: order.contract_state in OFFERED_STATES)
        if not offered:
            return
        offered._contract_set({'contract_state': 'declined'})
        offered._contract_revoke_links()
        for order in offered.filtered(lambda order: reason):
            order.message_post(body=reason)

    # ------------------------------------------------------------
    # The next term
    # ------------------------------------------------------------

    def _contract_make_renewal(self):
        """The orders of the next terms, one for each contract; those that exist already are given as they are."""
        self._contract_reopen_declined()
        existing = self._contract_open_renewals()
        missing = self.filtered(lambda order: order not in existing.renewal_of_id)
        if not missing:
            return existing
        missing._contract_refuse(lambda order: order._contract_renew_obstacles())
        # A concurrent click waits here, fails to serialize, is tried again by Odoo and finds our renewal.
        self.env.cr.execute("UPDATE sale_order SET write_uid = write_uid WHERE id IN %s", [tuple(missing.ids)])
        missing.filtered(lambda order: not order.renewal_lead_id)._contract_start_renewal(step_code='make_renewal')
        return existing + missing._contract_copy_next_term()

    def _contract_reopen_declined(self):
        """A renewal the customer declined is revised, not made a second time: what the rep changed in it stays."""
        without = self - self._contract_open_renewals().renewal_of_id
        for order in without.filtered(lambda order: not order.contract_terminated_date):
            declined = order.renewal_ids.filtered(lambda renewal: renewal.state in ('draft', 'sent')).sorted('id')[-1:]
            declined._contract_set({'contract_state': 'draft'})

    def _contract_open_renewals(self):
        """The renewals that stand: neither declined nor cancelled. At most one for each contract."""
        return self.renewal_ids.filtered(lambda order: order.state != 'cancel' and order.contract_state != 'declined')

    def _contract_renew_obstacles(self):
        """Why there can be no next term, in words; empty: there can."""
        self.ensure_one()
        if self.contract_state not in ('running', 'expired', 'renewed'):
            return [self.env._("only a running or expired contract can be renewed")]
        if self.contract_terminated_date:
            return [self.env._("it was terminated")]
        if not self.contract_date_end:
            return [self.env._("it is open-ended, there is no next term")]
        return []

    def _contract_copy_next_term(self):
        """New orders with the same lines at the kept, uplifted prices, and the term moved on."""
        renewals = self.browse()
        for order in self:
            following = term.next_term(order._contract_term())
            renewal = order.copy({
                'user_id': order.user_id.id,
                'opportunity_id': order.renewal_lead_id.id or order.opportunity_id.id,
                'order_line': order._contract_prepare_next_lines(),
            })
            renewal._contract_set({
                'renewal_of_id': order.id,
                'contract_anchor_date': following.anchor,
                'contract_date_start': following.start,
                'contract_date_end': following.end,
            })
            renewal._contract_set({'contract_term_months': following.months})
            renewals += renewal
        return renewals

    def _contract_prepare_next_lines(self):
        """The lines of the next term: prices kept, with the uplift agreed, whatever the price list says today."""
        self.ensure_one()
        digits = self.env['decimal.precision'].precision_get('Product Price')
        factor = 1 + self.contract_uplift_percent / 100
        commands = []
        for line in self._get_copiable_order_lines():
            [vals] = line.copy_data()
            if not line.display_type:
                vals['price_unit'] = float_round(line.price_unit * factor, precision_digits=digits)
                vals['discount'] = line.discount
            commands.append(fields.Command.create(vals))
        return commands

    def _contract_term(self):
        """This term as plain dates."""
        self.ensure_one()
        anchor = self.contract_anchor_date or None
        if self.contract_term_months:
            return term.make_term(self.contract_date_start, self.contract_term_months, anchor=anchor)
        return term.make_term(self.contract_date_start, end=self.contract_date_end or None, anchor=anchor)

    def _contract_company_amount(self):
        """The untaxed amount in the company's currency, at the order's rate."""
        self.ensure_one()
        return self.amount_untaxed / (self.currency_rate or 1.0)

    def _contract_renewal_amount(self):
        """What the next term will bring: the amount with the uplift, in the company's currency."""
        self.ensure_one()
        return self.company_id.currency_id.round(
            self._contract_company_amount() * (1 + self.contract_uplift_percent / 100))

    # ------------------------------------------------------------
    # Timers
    # ------------------------------------------------------------

    @api.model
    def _cron_contract_timers(self):
        """Start the renewals that are due, and end the contracts whose last day has passed."""
        today = fields.Date.context_today(self)
        running = [('contract_state', '=', 'running'), ('contract_timer_error_date', '=', False)]
        due = running + [('renewal_lead_id', '=', False), ('contract_renewal_due', '<=', today)]
        over = running + [('contract_last_day', '<', today)]
        # Ends first: a contract that is over needs no renewal started.
        return (self._contract_run_timer(over, 'contract_last_day, id', '_contract_end_term')
                and self._contract_run_timer(due, 'contract_renewal_due, id', '_contract_start_renewal'))

    @api.model
    def _contract_run_timer(self, domain, order, method):
        """Do what is due, batch by batch, each in its own transaction. False: the time is up."""
        cron = self.env['ir.cron']
        while True:
            found = self.search(domain, order=order, limit=5 * BATCH)
            if not found:
                return True
            batch, error = found._contract_run_batch(domain, BATCH, method)
            if batch and error:
                for one in batch:
                    one._contract_run_one(domain, method)
            elif not batch:
                # Another worker has them all: it will do them.
                return True
            remaining = len(found) - len(batch)
            if not cron._commit_progress(len(batch), remaining=remaining):
                return False

    def _contract_run_batch(self, domain, limit, method):
        """Lock and do those of us that are still due and that no other worker has.

        Between our look and our lock another worker may have done one of them. PostgreSQL
        then refuses the lock: nothing failed, there is only nothing to do any more.

        :return: the batch, and the error after which all of it was rolled back
        """
        batch = self[:limit]
        try:
            batch = self.try_lock_for_update(limit=limit, allow_referencing=True).filtered_domain(domain)
            getattr(batch, method)()
            self.env.flush_all()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must stop only its own record
            self.env.cr.rollback()
            if isinstance(error, OperationalError) and error.pgcode in PG_CONCURRENCY_ERRORS_TO_RETRY:
                return self.browse(), None
            _logger.info("%s failed for %s", method, batch, exc_info=True)
            return batch, error
        return batch, None

    def _contract_run_one(self, domain, method):
        """One contract by itself: its failure is written down, and the timer leaves it alone until it is cleared."""
        self.ensure_one()
        _batch, error = self._contract_run_batch(domain, 1, method)
        if error:
            self._contract_timer_failed(method, error)
        self.env['ir.cron']._commit_progress()

    def _contract_timer_failed(self, method, error):
        text = f"{type(error).__name__}: {error}"[:2000]
        _logger.warning("%s failed for contract %s: %s", method, self.contract_number, text)
        self._contract_set({'contract_timer_error': text, 'contract_timer_error_date': self.env.cr.now()})
        summary = self.env._("The contract's timer failed: %s", text)
        self.activity_schedule(
            'mail.mail_activity_data_warning', summary=self.env._("Contract timer failed"), note=text,
            user_id=self.user_id.id)
        lead = self.renewal_lead_id or self.opportunity_id
        if lead:
            lead._process_log('error', text=summary, order_id=self.id)

    def _contract_start_renewal(self, step_code=None):
        """Make the renewal opportunities of these contracts and start their processes. One for each contract."""
        due = self.filtered(lambda order: not order.renewal_lead_id)
        # They are no new business: what starts by itself on a new lead of the team must not start on them.
        # The rep gets the first task: a mail for each lead assigned to them would only be noise.
        quiet = {'mail_auto_subscribe_no_notify': True, 'mail_create_nolog': True, 'mail_notrack': True}
        leads = self.env['crm.lead'].sudo().with_context(sales_process_no_start=True, **quiet).create(
            [order._contract_prepare_renewal_lead() for order in due]).with_env(self.env)
        leads._message_log_batch(bodies={
            lead.id: self.env._(
                "Contract %(number)s ends on %(date)s.", number=order.contract_number,
                date=format_date(self.env, order.contract_last_day))
            for order, lead in zip(due, leads)})
        for order, lead in zip(due, leads):
            order._contract_set({'renewal_lead_id': lead.id})
        due._contract_enter_process(leads, step_code)
        return leads

    def _contract_enter_process(self, leads, step_code):
        """Start the renewal process on these leads, where their team has one; else they wait for a person."""
        self.flush_recordset(['renewal_lead_id'])
        process_of = leads._process_find()
        for process in set(process_of.values()):
            fitting = leads.filtered(lambda lead: process_of.get(lead) == process)
            known = step_code and step_code in process._definition().by_code
            fitting.action_process_start(step_code if known else None)

    def _contract_prepare_renewal_lead(self):
        """The values of the opportunity on which a contract is renewed."""
        self.ensure_one()
        return {
            'name': self.env._("Renewal of %s", self.contract_number),
            'type': 'opportunity',
            'partner_id': self.partner_id.id,
            'user_id': self.user_id.id,
            'team_id': self.team_id.id,
            'company_id': self.company_id.id,
            'expected_revenue': self._contract_renewal_amount(),
            'date_deadline': self.contract_last_day,
            'campaign_id': self.campaign_id.id,
            'medium_id': self.medium_id.id,
            'source_id': self.source_id.id,
        }

    def _contract_end_term(self):
        """The last day has passed: terminated, renewed by itself where that was agreed, or expired."""
        early = self.filtered(lambda order: order.contract_terminated_date and (
            not order.contract_date_end or order.contract_terminated_date < order.contract_date_end))
        tacit = (self - early).filtered(
            lambda order: order.contract_tacit_renewal and not order.contract_terminated_date)
        early._contract_set({'contract_state': 'terminated'})
        (self - early - tacit)._contract_set({'contract_state': 'expired'})
        tacit._contract_renew_tacitly()
        self._contract_signal_ended()

    def _contract_signal_ended(self):
        """Tell the renewals' processes that there is nothing to renew any more; what went on by itself is won."""
        for order in self.filtered('renewal_lead_id'):
            lead = order.renewal_lead_id
            if order.contract_state != 'renewed':
                lead._process_signal('contract_ended', order, {'contract_state': order.contract_state})
            elif lead.won_status == 'pending':
                lead.action_set_won()

    def _contract_renew_tacitly(self):
        """Nobody gave notice: the contract goes on for a term, by an order of its own that runs at once."""
        self._contract_withdraw_renewals(self.env._("Not signed in time: the contract went on by itself."))
        for order, following in zip(self, self._contract_copy_next_term()):
            following._contract_set({
                'contract_number': following._contract_next_number(),
                'contract_state': 'running',
            })
            order._contract_set({'contract_state': 'renewed'})
            following.message_post(body=self.env._(
                "Renewed by itself: the term before, %s, ended without notice.", order.contract_number))

    def _contract_withdraw_renewals(self, reason):
        """Take back the offers of a next term that are not signed."""
        self._contract_open_renewals().filtered(
            lambda order: order.contract_state in ('none', *OFFERED_STATES))._contract_withdraw(reason)

    def _contract_withdraw(self, reason):
        if self:
            self._contract_set({'contract_state': 'declined'})
            self._contract_revoke_links()
            for order in self:
                order.message_post(body=reason)

    # ------------------------------------------------------------
    # The customer's documents
    # ------------------------------------------------------------

    def _process_documents_complete(self):
        """Whether the customer's documents are there, or were done without: of this term, or of one before."""
        self.ensure_one()
        order, seen = self.sudo(), self.browse()
        while order and order not in seen:
            if order.document_request_ids:
                return all(request.state != 'open' for request in order.document_request_ids)
            seen, order = seen + order, order.renewal_of_id
        return False

    def _process_open_documents(self):
        """What the customer has not handed in yet, or has to hand in again, by name: for the reminder."""
        self.ensure_one()
        items = self.sudo().document_request_ids.filtered(lambda request: request.state == 'open').item_ids
        return items.filtered(lambda item: item.state in ('open', 'returned')).mapped('name')

    # ------------------------------------------------------------
    # Links and mails
    # ------------------------------------------------------------

    def _process_link_url(self, purpose):
        """The customer's documents have a page of their own."""
        url = super()._process_link_url(purpose)
        return url.replace('/sales_process/paper/', '/sales_process/documents/') if purpose == 'documents' else url

    def _contract_revoke_links(self):
        """Close the customer's ways to sign these contracts."""
        self.env['sales.paper.link'].sudo().search([
            ('order_id', 'in', self.ids), ('purpose', '=', 'contract'), ('date_revoked', '=', False),
        ])._revoke()

    # ------------------------------------------------------------
    # Small helpers
    # ------------------------------------------------------------

    def _contract_terminate_obstacles(self, date, reason):
        """Why a contract cannot be ended on that day, in words; empty: it can."""
        self.ensure_one()
        start, end = self.contract_date_start, self.contract_date_end
        checks = [
            (self.contract_state == 'running', self.env._("it is not running")),
            (date, self.env._("a date is needed")),
            (reason, self.env._("a reason is needed")),
            (not date or not start or date >= start, self.env._("it cannot end before it starts")),
            (not date or not end or date <= end, self.env._("it ends before that date by itself")),
        ]
        return [text for fine, text in checks if not fine]

    def _contract_refuse(self, obstacles):
        """One error that names, for each of these orders, everything in the way."""
        texts = []
        for order in self:
            reasons = obstacles(order)
            if reasons:
                texts.append(f"{order.contract_number or order.name}: {', '.join(reasons)}")
        if texts:
            raise UserError(self.env._("Not possible yet.") + "\n" + "\n".join(texts))
