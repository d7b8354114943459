from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, email_normalize, escape_psql

from ..engine import transition

OPEN_STATES = ("new", "running", "paused")
SIGNS_OF_LIFE = frozenset(
    {
        "proposal_accepted",
        "proposal_refused",
        "proposal_change_asked",
        "documents_complete",
        "contract_signed",
        "contract_declined",
        "reply",
        "call",
        "meeting",
        "portal_message",
    }
)


class CrmLead(models.Model):
    """A lead in its sales process: how it starts, where it stands, what the customer does."""

    _inherit = "crm.lead"

    process_case_ids = fields.One2many("sales.process.case", "lead_id", string="Process Cases", readonly=True)
    process_case_id = fields.Many2one("sales.process.case", compute="_compute_process", string="Open Case")
    process_id = fields.Many2one(
        "sales.process", compute="_compute_process", search="_search_process_id", string="Sales Process"
    )
    process_state = fields.Selection(
        [
            ("none", "None"),
            ("running", "Running"),
            ("paused", "Paused"),
            ("won", "Won"),
            ("lost", "Lost"),
            ("merged", "Merged"),
        ],
        compute="_compute_process",
        search="_search_process_state",
    )
    process_task_ids = fields.One2many(
        "sales.process.task",
        "lead_id",
        string="Process Tasks",
        readonly=True,
        domain=[("is_passed", "=", False)],
    )
    process_open_task_ids = fields.One2many(
        "sales.process.task",
        "lead_id",
        string="Open Process Tasks",
        readonly=True,
        domain=[("state", "in", ("queued", "open", "failed"))],
    )
    process_worker_ids = fields.Many2many(
        "res.users",
        compute="_compute_process_worker_ids",
        search="_search_process_worker_ids",
        compute_sudo=True,
        string="At Work",
        help="Who has an open task of this lead, and so may see and write it.",
    )
    process_step_id = fields.Many2one("sales.process.step", compute="_compute_process_step")
    process_event_ids = fields.One2many(
        "sales.process.event", "lead_id", string="Process Events", readonly=True
    )
    process_message_ids = fields.One2many("sales.process.message", "lead_id", string="Letters", readonly=True)
    process_mail_paused = fields.Boolean(
        string="Letters Paused",
        copy=False,
        tracking=True,
        help="No automatic letter goes to this customer from here.",
    )
    process_return_date = fields.Date(string="Come Back On", copy=False)
    external_ref = fields.Char(
        compute="_compute_external_ref",
        inverse="_inverse_external_ref",
        search="_search_external_ref",
        string="External Reference",
        copy=False,
        help="Under which another system knows this lead.",
    )

    # ------------------------------------------------------------------
    # WHERE IT STANDS
    # ------------------------------------------------------------------

    @api.depends("process_case_ids.state", "process_case_ids.process_id")
    def _compute_process(self):
        for lead in self:
            cases = lead.sudo().process_case_ids.sorted("id", reverse=True)
            latest = cases.filtered(lambda case: case.state in OPEN_STATES)[:1] or cases[:1]
            lead.process_case_id = latest if latest.state in OPEN_STATES else False
            lead.process_id = latest.process_id
            lead.process_state = "running" if latest.state == "new" else latest.state or "none"

    @api.depends("process_open_task_ids.state", "process_open_task_ids.step_id")
    def _compute_process_step(self):
        for lead in self:
            lead.process_step_id = lead.sudo().process_open_task_ids.sorted("id")[-1:].step_id

    @api.depends("process_open_task_ids.state", "process_open_task_ids.user_id")
    def _compute_process_worker_ids(self):
        for lead in self:
            lead.process_worker_ids = lead.process_open_task_ids.filtered(
                lambda task: task.state == "open"
            ).user_id

    def _search_process_worker_ids(self, operator, value):
        """A record rule asks this at every search of a salesperson: their few leads are named, since with
        a subquery PostgreSQL would read the whole table (50,000 leads: 10 ms, else 100)."""
        if operator != "in":
            return NotImplemented
        tasks = (
            self.env["sales.process.task"]
            .sudo()
            ._read_group(
                [("state", "=", "open"), ("user_id", "in", list(value))],
                ["lead_id"],
            )
        )
        return [("id", "in", [lead.id for (lead,) in tasks])]

    def _search_process_id(self, operator, value):
        if operator in ("any", "any!"):
            Process = self.env["sales.process"]
            value = (Process.sudo() if operator == "any!" else Process).search(value).ids
        elif operator != "in":
            return NotImplemented
        ids = tuple(process_id for process_id in value if process_id)
        domain = self._process_case_that_counts(SQL("ours.process_id IN %s", ids or (0,)))
        return domain | fields.Domain("process_case_ids", "=", False) if False in value else domain

    def _search_process_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        states = tuple(state for state in value if state and state != "none")
        states += ("new",) if "running" in states else ()
        domain = self._process_case_that_counts(SQL("ours.state IN %s", states or ("",)))
        return domain | fields.Domain("process_case_ids", "=", False) if "none" in value else domain

    def _process_case_that_counts(self, condition):
        """The leads whose open case, else their latest one, meets a condition on `ours`."""
        self.env["sales.process.case"].flush_model(["lead_id", "state", "process_id"])
        return fields.Domain(
            "id",
            "in",
            SQL(
                """(
                SELECT ours.lead_id FROM sales_process_case ours
                 WHERE %s AND (ours.state IN %s OR NOT EXISTS (
                    SELECT FROM sales_process_case later
                     WHERE later.lead_id = ours.lead_id AND (later.id > ours.id OR later.state IN %s)
                ))
            )""",
                condition,
                OPEN_STATES,
                OPEN_STATES,
            ),
        )

    @api.depends("create_date")
    def _compute_external_ref(self):
        refs = (
            self.env["crm.lead.external.ref"]
            .sudo()
            .search_fetch([("lead_id", "in", self.ids)], ["lead_id", "name"])
        )
        names = {ref.lead_id.id: ref.name for ref in refs.sorted("id", reverse=True)}
        for lead in self:
            lead.external_ref = names.get(lead.id)

    def _inverse_external_ref(self):
        for lead in self.filtered("external_ref"):
            company = lead.company_id or self.env.company
            known = (
                self.env["crm.lead.external.ref"]._find([lead.external_ref], company).get(lead.external_ref)
            )
            if known and known != lead:
                raise UserError(
                    self.env._(
                        "The reference %(ref)s belongs to %(lead)s.",
                        ref=lead.external_ref,
                        lead=known.display_name,
                    )
                )
            if not known:
                self.env["crm.lead.external.ref"]._link({lead.external_ref: lead}, company)

    def _search_external_ref(self, operator, value):
        if operator not in ("in", "like", "ilike", "=like", "=ilike"):
            return NotImplemented
        refs = self.env["crm.lead.external.ref"].sudo()._search([("name", operator, value)])
        return [("id", "in", refs.subselect("lead_id"))]

    def _process_customer_name(self):
        self.ensure_one()
        return self.contact_name or self.partner_id.name or self.partner_name or self.name

    def _process_is_complete(self):
        """Whether the first task has nothing to ask: a name, and a phone or an e-mail."""
        self.ensure_one()
        return bool((self.contact_name or self.partner_id.name) and (self.phone or self.email_from))

    # ------------------------------------------------------------------
    # PUBLIC: INTAKE
    # ------------------------------------------------------------------

    @api.model
    def process_intake(self, values, external_ref=None):
        """Take a request in: make its lead once, start the process of its team.

        :param dict values: fields of the lead.
        :param str external_ref: the request's number in the system it comes from. A second call with
            the same number, in the same company, makes nothing and answers as the first.
        :return: `{'lead_id', 'task_ids', 'created'}`, the tasks being those open now.
        :raise UserError: values that are no dict, an unknown field, an empty or overlong reference.
        """
        self.check_access("create")
        values = self._process_intake_values(values, external_ref)
        company = self._process_intake_company(values)
        if company not in self.env.user.company_ids and not self.env.su:
            raise AccessError(self.env._("This company is not among yours."))
        lead = self._process_find_ref(external_ref, company)
        created = not lead
        if created:
            lead = self.create(values)
            if external_ref:
                self.env["crm.lead.external.ref"]._link({external_ref: lead}, company)
        tasks = lead.sudo().process_open_task_ids
        return {"lead_id": lead.id, "task_ids": tasks.sorted("id").ids, "created": created}

    @api.model
    def _process_intake_values(self, values, external_ref):
        if not isinstance(values, dict) or not values:
            raise UserError(self.env._("The request has no values: give at least a name."))
        unknown = [str(name) for name in values if name not in self._fields]
        if unknown:
            raise UserError(self.env._("A lead has no field %s.", ", ".join(sorted(unknown))))
        if external_ref is not None and (
            not isinstance(external_ref, str) or not external_ref.strip() or len(external_ref) > 256
        ):
            raise UserError(self.env._("The external reference must be a text of 1 to 256 characters."))
        name = (
            values.get("name")
            or values.get("partner_name")
            or values.get("contact_name")
            or values.get("email_from")
            or values.get("phone")
        )
        if not name:
            raise UserError(
                self.env._("The request has neither a name nor a contact: there is nothing to work with.")
            )
        return {**values, "name": values.get("name") or self.env._("Request of %s", name)}

    @api.model
    def _process_intake_company(self, values):
        team = self.env["crm.team"].browse(values.get("team_id") or [])
        return (
            self.env["res.company"].browse(values.get("company_id") or [])
            or team.company_id
            or self.env.company
        )

    @api.model
    def _process_find_ref(self, external_ref, company):
        if not external_ref:
            return self.browse()
        return (
            self.env["crm.lead.external.ref"]._find([external_ref], company).get(external_ref, self.browse())
        )

    # ------------------------------------------------------------------
    # PUBLIC: RUNNING
    # ------------------------------------------------------------------

    def action_process_start(self, step_code=None):
        """Enter these leads into the process of their team.

        Nothing is written to a customer by itself before a person has acted.

        :param step_code: the step to begin at; None: by the stage in which the lead stands.
        :raise UserError: a lead without a process to run on, one that runs already, or has ended.
        :raise ValidationError: gates on the way to the step that are not passed; for leaders none hold.
        """
        self.check_access("write")
        ended = self.filtered(lambda lead: not lead.active or lead.won_status != "pending")
        if ended:
            raise UserError(
                self.env._("%s is won, lost or archived: take it back first.", ended[0].display_name)
            )
        busy = self.filtered("process_case_id")
        if busy:
            raise UserError(self.env._("%s is already in a process.", busy[0].display_name))
        process_of = self._process_find()
        left = self - self.browse(lead.id for lead in process_of)
        if left:
            raise UserError(
                self.env._(
                    "No active process fits %(lead)s of the team %(team)s. Give the team a process first.",
                    lead=left[0].display_name,
                    team=left[0].team_id.name or self.env._("(none)"),
                )
            )
        free = not step_code or self.env.user.has_group("sales_process.group_leader")
        self._process_enter(process_of, step_code, quiet=True, gates=None if free else "stage")
        return True

    def _process_find(self):
        """dict lead -> process; a lead that renews a contract goes by the process for renewals."""
        renewing = self.browse(lead.id for lead in self._process_renewed_contracts())
        Process = self.env["sales.process"]
        return {**Process._for_leads(self - renewing), **Process._for_leads(renewing, kind="renewal")}

    def _process_renewed_contracts(self):
        """dict lead -> the contract that it is to renew; leads of new business are left out."""
        contracts = (
            self.env["sale.order"].sudo().search([("renewal_lead_id", "in", self.ids)]) if self.ids else ()
        )
        return {self.browse(contract.renewal_lead_id.id): contract for contract in contracts}

    def _process_enter(self, process_of, step_code=None, quiet=False, gates=None):
        """Start cases, each at a step or by the stage its lead stands in.

        :param quiet: nothing goes to the customer by itself before a person has acted. So it is for
            every lead that enters in the middle.
        :param gates: which gates hold, see `sales.process.case._start`.
        """
        groups = {}
        for lead, process in process_of.items():
            code = step_code or process._entry_for(lead)
            if code and code not in process._definition().by_code:
                raise UserError(
                    self.env._(
                        "The process %(process)s has no step %(code)s.",
                        process=process.display_name,
                        code=code,
                    )
                )
            groups.setdefault(code, {})[lead] = process
        for code, same in groups.items():
            self.env["sales.process.case"]._start(same, code, quiet or bool(code), gates=gates)

    def process_run_queued(self):
        """Run now what is queued for these leads, without a commit: for scripts and tests.

        :return: how many automatic steps were run.
        """
        self.check_access("write")
        Task, count = self.env["sales.process.task"].sudo(), 0
        while True:
            tasks = Task.search([("lead_id", "in", self.ids), *Task._queued_domain()], order="id")
            if not tasks:
                return count
            for step_tasks in tasks.grouped("step_id").values():
                step_tasks._run_guarded()
            count += len(tasks)

    def process_pause(self, reason):
        """Stop timers, letters and automatic steps of these leads until `process_resume`.

        :raise UserError: no reason given.
        """
        self.check_access("write")
        if not isinstance(reason, str) or not reason.strip():
            raise UserError(self.env._("Say why the process is paused."))
        self.process_case_id._pause(reason.strip())
        return True

    def process_resume(self):
        """Go on; what fell due meanwhile is put off by the time of the pause."""
        self.check_access("write")
        self.process_case_id._resume()
        return True

    def process_refuse(self, lost_reason_id, comment=None):
        """The customer says no: these leads are lost, open tasks and letters are cancelled.

        :raise UserError: the reason does not exist, or a lead is not running.
        """
        self.check_access("write")
        reason = (
            self.env["crm.lost.reason"].browse(self.env["sales.process.task"]._as_id(lost_reason_id)).exists()
        )
        if not reason:
            raise UserError(self.env._("Why does the customer refuse? Choose a lost reason."))
        idle = self.filtered(lambda lead: not lead.process_case_id)
        if idle:
            raise UserError(self.env._("%s is not in a process.", idle[0].display_name))
        self.lost_reason_id = reason
        cases = self.process_case_id
        cases._handle({case: transition.Refuse() for case in cases})
        if comment:
            self._process_log("note", text=comment)
        return True

    # ------------------------------------------------------------------
    # THE CUSTOMER'S ACTS
    # ------------------------------------------------------------------

    def _process_signal(self, kind, order=None, data=None):
        """The customer, or time, did something about these leads. Never fails for a lead without a case.

        :param kind: `proposal_accepted`, `contract_signed`, `reply`, …
        :param order: the order whose paper it is about.
        :param data: `version` of the paper, `why`, `comment`, `lost_reason_id`.
        """
        data = data or {}
        if kind == "contract_declined":
            kind = f"contract_declined_{data.get('why') or 'no'}"
        leads = self.sudo().filtered("process_case_id")
        if data.get("lost_reason_id"):
            leads.lost_reason_id = data["lost_reason_id"]
        paper = f"{order.id}:{data.get('version') or 0}" if order else None
        leads.process_case_id._take_signal(transition.Signal(kind, paper))
        if kind == "call":
            leads._speed_contact()
        if data.get("comment"):
            leads._process_log("note", text=data["comment"])
        if kind in SIGNS_OF_LIFE or kind.startswith("contract_declined"):
            self._process_customer_lives(self.env._("the customer answered"))
        if kind == "proposal_opened":
            self.env["sales.process.message"]._postpone(leads)

    def _process_customer_lives(self, why):
        """Letters and waits for an answer of this customer are over, and the rep hears of it."""
        leads = self.sudo()
        told = self.env["sales.process.message"]._answered(leads, why)
        waiting = leads.process_case_id.filtered(lambda case: case.state == "running")
        waiting._take_signal(transition.Signal("sign_of_life"))
        for lead in told.filtered("user_id"):
            lead.message_notify(
                partner_ids=lead.user_id.partner_id.ids,
                subject=self.env._("%s showed up", lead._process_customer_name()),
                body=self.env._("Letters that waited for an answer were withdrawn: %s.", why),
            )

    def _process_somebody_wrote(self, sender):
        """A mail came from a customer's address: it counts for every lead of their company."""
        key = self.env["sales.process.message"]._domain_key(email_normalize(sender))
        colleagues = (
            self.env["sales.process.message"]
            .sudo()
            .search(
                [
                    ("domain_key", "=", key),
                    ("state", "in", ("planned", "held")),
                ]
            )
            .lead_id
        )
        leads = (self | colleagues).filtered("process_case_id")
        if leads:
            leads._process_customer_lives(self.env._("%s wrote", sender))

    # ------------------------------------------------------------------
    # AUTOMATIC STEPS
    # ------------------------------------------------------------------

    def _process_create_contact(self):
        """Make these leads opportunities, with the company and the person as contacts; known ones are found.

        A company is looked for by the lead's partner, then by name; a person by e-mail or phone, as
        Odoo does. Called by the step "Create the contact".
        """
        for lead in self.sudo():
            if lead.type != "opportunity":
                lead.convert_opportunity(lead.partner_id)
            lead._process_ensure_customer()

    def _process_ensure_customer(self):
        """The customer of one lead: found or made, never doubled.

        :return: `res.partner`
        :raise UserError: the lead names nobody.
        """
        self.ensure_one()
        if self.partner_id:
            return self.partner_id
        if not (self.contact_name or self.partner_name or self.email_from):
            raise UserError(
                self.env._("%s names neither a person nor a company: fill one in.", self.display_name)
            )
        company = self._process_find_company()
        known = (
            self._find_matching_partner()
            if hasattr(self, "_find_matching_partner")
            else self.env["res.partner"]
        )
        lead = self.with_context(default_parent_id=company.id) if company and not known else self
        lead._handle_partner_assignment(force_partner_id=known.id or False, create_missing=True)
        if company and self.partner_id and not self.partner_id.parent_id and self.partner_id != company:
            self.partner_id.parent_id = company
        return self.partner_id

    def _process_find_company(self):
        """A company that is known by this lead's company name, in its own company or in none."""
        if not self.partner_name:
            return self.env["res.partner"]
        return self.env["res.partner"].search(
            [
                ("is_company", "=", True),
                ("name", "=ilike", escape_psql(self.partner_name.strip())),
                ("company_id", "in", [False, self.company_id.id]),
            ],
            limit=1,
        )

    def _process_confirm_order(self):
        """Confirm the order of each case: no contract follows. Called by the step "Confirm the order"."""
        for case in self.sudo().process_case_id:
            if case.order_id.state in ("draft", "sent"):
                case.order_id.action_confirm()

    # ------------------------------------------------------------------
    # RETURN AFTER A LOSS
    # ------------------------------------------------------------------

    def _process_plan_return(self):
        """Lost, but not for ever: when to come back, by the reason's policy."""
        for lead in self.filtered(
            lambda lead: lead.won_status == "lost" and lead.process_case_ids and not lead.process_return_date
        ):
            reason = lead.lost_reason_id
            if reason.process_return == "weeks":
                lead.process_return_date = fields.Date.today() + timedelta(weeks=reason.process_return_weeks)

    @api.model
    def _cron_process_return(self):
        """Open a new case on lost leads whose day has come, each naming the old one."""
        domain = [
            ("process_return_date", "<=", fields.Date.today()),
            ("active", "=", False),
            ("won_status", "=", "lost"),
        ]
        while True:
            leads = (
                self.sudo().with_context(active_test=False).search(domain, limit=200).try_lock_for_update()
            )
            if not leads:
                break
            leads.process_return_date = False
            self.env["sales.process.task"]._guarded(
                leads,
                lambda batch: batch._process_return(),
                lambda lead, error: lead._process_log("error", text=error),
            )
            if not self.env["ir.cron"]._commit_progress(len(leads), remaining=0):
                break

    def _process_return(self):
        """Take these lost leads back, each with a new case that begins with a call."""
        self.with_context(sales_process_return=True).action_unarchive()

    def _process_reopen(self, step_code=None):
        """A new case that goes on from the last one: after a loss that was taken back, or a return."""
        leads = self.filtered(lambda lead: lead.process_case_ids and not lead.process_case_id)
        previous = {lead: lead.process_case_ids.sorted("id")[-1:] for lead in leads}
        leads._speed_put_aside({lead: case.date_end for lead, case in previous.items()})
        groups = {}
        for lead, case in previous.items():
            process = (
                case.process_id
                if case.process_id.state != "archived"
                else self.env["sales.process"]._for_leads(lead).get(lead, case.process_id)
            )
            code = step_code if step_code in process._definition().by_code else process._entry_for(lead)
            groups.setdefault(code, {})[lead] = process
        for code, same in groups.items():
            self.env["sales.process.case"]._start(same, code, quiet=True, previous=previous)

    # ------------------------------------------------------------------
    # ORM: LEADS THAT COME, MOVE, GO
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """New leads of a team with a process start on it by themselves."""
        leads = super().create(vals_list)
        if not self._process_starts_later():
            file = self.env.context.get("import_file")
            imported = file and self.env.user.has_group("sales_process.group_leader")
            leads._process_autostart(gates=None if imported else "all", clock=not file)
        return leads

    @api.model
    def _process_starts_later(self):
        """An import brings its own history and starts the process itself."""
        return self.env.context.get("sales_process_no_start") and (
            self.env.su or self.env.user.has_group("sales_process.group_leader")
        )

    def _process_autostart(self, gates=None, clock=True):
        """Start the process of their team on those of these leads that have one.

        :param clock: whether they have just come in, so that somebody waits for an answer.
        """
        by_team = self.env["sales.process"]._active_by_team()
        if not by_team:
            return
        fresh = self.filtered(
            lambda lead: lead.team_id.id in by_team and lead.won_status == "pending" and lead.active
        )
        process_of = self.env["sales.process"]._for_leads(fresh.sudo())
        asking = [
            lead.id
            for lead, process in process_of.items()
            if process.kind == "new_business"
            and (lead.date_request or (clock and not process._entry_for(lead)))
        ]
        if process_of:
            self.sudo().browse(asking)._speed_start()
            self._process_enter(process_of, gates=gates)

    @api.constrains("stage_id")
    def _check_process_stage(self):
        """Gates hold on every road, the recomputation of the stage included; the case follows the lead."""
        if not self.env["sales.process"]._active_by_team() and not self.sudo().process_case_id:
            return
        moves, winning = {}, {}
        for lead in self.sudo():
            case = lead.process_case_id
            if not case or case.state == "new":
                continue
            if lead.stage_id.is_won:
                winning[case] = case.process_id._phase_of(lead.stage_id)
                continue
            phase = case.process_id.phase_ids.filtered(
                lambda phase, lead=lead: lead.stage_id in phase.stage_ids
            )
            if phase and case.phase_id and case.phase_id not in phase and lead._process_follows_stage(case):
                moves[case] = phase[:1]
        if winning:
            self.env["sales.process.case"].sudo().browse(case.id for case in winning)._check_gates(winning)
        if moves:
            self.env["sales.process.case"].sudo().browse(case.id for case in moves)._followed_by_hand(moves)

    def _process_follows_stage(self, case):
        """Whether the stage of this lead tells where its case stands. In a team that the process is not
        made for, a stage that all teams share tells nothing of it."""
        return self.team_id in case.process_id.team_ids or self.team_id in self.stage_id.team_ids

    def write(self, vals):
        """Another rep gets the open tasks along with the lead; in another team it starts there."""
        may_start = {"team_id", "user_id"} & set(vals) and self.env["sales.process"]._active_by_team()
        teams = {lead: lead.team_id for lead in self.sudo()} if may_start else {}
        unassigned = self.sudo().filtered(lambda lead: not lead.user_id) if may_start else self.browse()
        result = super().write(vals)
        if "user_id" in vals:
            self._process_follow_rep()
        if "date_deadline" in vals:
            self.sudo().process_case_id._dates_changed("closing_date")
        if vals.get("lost_reason_id"):
            # Odoo names the reason after it has archived the lead
            self.sudo()._process_plan_return()
        if may_start and not self._process_starts_later():
            moved = self.sudo().filtered(lambda lead: lead.team_id != teams[lead])
            new = moved.filtered(lambda lead: not lead.process_case_ids and lead.team_id.id in may_start)
            (new & unassigned)._speed_start_late()
            new._process_autostart(clock=False)
            moved._process_follow_team()
        return result

    def _compute_stage_id(self):
        """A lead that goes to another team stays in its phase, as that team's stage for it."""
        kept = {}
        for lead in self:
            teams = lead.stage_id.team_ids
            if lead.team_id and teams and lead.team_id not in teams:
                phase = lead._origin.sudo().process_case_id.phase_id
                kept[lead] = phase._stage_for(lead.team_id) if phase else phase.stage_ids
        result = super()._compute_stage_id()
        for lead, stage in kept.items():
            lead.stage_id = stage or lead.stage_id
        return result

    def _process_follow_rep(self):
        tasks = self.sudo().process_open_task_ids.filtered(
            lambda task: (
                task.state == "open" and task.step_id.assignee_type == "rep" and task.step_id.kind != "wait"
            )
        )
        if tasks:
            tasks._assign(
                {task: task.case_id._first_available(task.lead_id.user_id) for task in tasks},
                self.env._("the lead has another salesperson"),
            )

    def _process_follow_team(self):
        """In another team the tasks count in its hours, and its leader and members do theirs."""
        tasks = self.process_open_task_ids.filtered(
            lambda task: task.state == "open" and task.step_id.kind != "wait"
        )
        of_team = tasks.filtered(lambda task: task.step_id.assignee_type in ("leader", "round_robin"))
        for step, same in of_team.grouped("step_id").items():
            users = step._resolve_assignees(same.case_id, {})
            same._assign(
                {task: users[task.case_id] for task in same}, self.env._("the lead has another team")
            )
        tasks._reschedule()

    def _handle_won_lost(self, old_status_by_lead, new_status_by_lead):
        """Won, lost, archived or taken back outside the process: the case follows."""
        result = super()._handle_won_lost(old_status_by_lead, new_status_by_lead)
        leads = self.sudo().filtered(lambda lead: lead.process_case_ids)
        if leads:
            leads._process_follow_status(old_status_by_lead, new_status_by_lead)
        return result

    def _process_follow_status(self, old, new):
        open_cases = self.process_case_id
        ended = {}
        for case in open_cases:
            status = new.get(case.lead_id.id, {})
            if status.get("is_won") or status.get("is_lost"):
                ended[case] = transition.Close("won" if status["is_won"] else "lost")
        if ended:
            open_cases.browse(case.id for case in ended)._handle(ended)
        going = open_cases - open_cases.browse(case.id for case in ended)
        going.filtered(lambda case: not case.lead_id.active)._pause(
            self.env._("the lead is archived"), archived=True
        )
        going.filtered(lambda case: case.lead_id.active and case.paused_by_archiving)._resume()
        back = self.filtered(
            lambda lead: (
                not any(new.get(lead.id, {}).values()) and any(old.get(lead.id, {}).values()) and lead.active
            )
        )
        back.process_return_date = False
        back._process_reopen("call_customer" if self.env.context.get("sales_process_return") else None)

    def _merge_dependences(self, opportunities):
        """The cases of merged leads go to the one that stays, which keeps one of them running."""
        self._process_take_cases(opportunities.sudo())
        return super()._merge_dependences(opportunities)

    def _process_absorb(self, other):
        """Merge another lead into this one, which is kept whatever their places in the pipeline."""
        self.ensure_one()
        self._merge_dependences(other)
        missing = {
            name: other[name]
            for name in ("phone", "email_from", "contact_name", "partner_name")
            if other[name] and not self[name]
        }
        if missing:
            self.write(missing)
        self._process_log("note", text=self.env._("%s was merged into this lead", other.display_name))
        other.sudo().unlink()
        if not self.sudo().process_case_ids.filtered(lambda case: case.state in OPEN_STATES):
            self._process_autostart()

    def _process_take_cases(self, losers):
        keeper = self.sudo()
        closing = losers.process_case_id
        if not keeper.process_case_id:
            closing = closing.sorted("id")[1:]
        closing._handle({case: transition.Close("merged") for case in closing})
        cases = losers.process_case_ids
        cases.flush_recordset()
        cases.event_ids._repoint(keeper)
        cases.task_ids.write({"lead_id": keeper.id})
        self.env["sales.process.message"].sudo().search([("case_id", "in", cases.ids)]).write(
            {"lead_id": keeper.id}
        )
        cases.write({"lead_id": keeper.id})

    def _process_log(self, kind, text=None, **data):
        """Append an event to the log of each of these leads."""
        self.env["sales.process.event"]._append(
            [
                {
                    "case_id": (lead.sudo().process_case_id or lead.sudo().process_case_ids[:1]).id,
                    "lead_id": lead.id,
                    "kind": kind,
                    "text": text,
                    "data": data or None,
                }
                for lead in self
            ]
        )

    def process_forget_customer(self):
        """Blank the customer's name and address in what the process wrote down about these leads.

        What happened, and when, stays. For process owners, when a person asks to be forgotten.
        """
        self.check_access("write")
        if not self.env.user.has_group("sales_process.group_owner"):
            raise AccessError(self.env._("This is for process owners."))
        leads = self.sudo()
        leads.process_event_ids._forget_persons()
        leads.process_message_ids.write(
            {"email_to": False, "domain_key": False, "commercial_partner_id": False}
        )
        leads.process_task_ids.write({"comment": False})
        return True

    def _message_post_after_hook(self, message, msg_vals):
        """A message of the customer themself, from the portal say, is a sign of life."""
        result = super()._message_post_after_hook(message, msg_vals)
        if message._process_is_from_customer():
            self._process_customer_lives(self.env._("%s wrote", message.author_id.name))
        return result

    # ------------------------------------------------------------------
    # GATES: OVERRIDING
    # ------------------------------------------------------------------

    def process_move(self, stage_id, override_reason=None):
        """Move these leads to a stage; with a reason, past the conditions that are not met.

        :raise AccessError: overriding without being a team leader.
        :raise ValidationError: conditions that are not met, without a reason.
        """
        self.check_access("write")
        stage_id = self.env["sales.process.task"]._as_id(stage_id)
        if override_reason is not None:
            if not self.env.user.has_group("sales_process.group_leader"):
                raise AccessError(
                    self.env._("Only a team leader moves a lead past the conditions of a stage.")
                )
            if not isinstance(override_reason, str) or not override_reason.strip():
                raise UserError(self.env._("Say why the conditions do not matter here."))
            self.sudo()._process_override(self.env["crm.stage"].browse(stage_id), override_reason.strip())
        self.write({"stage_id": stage_id})
        return True

    def _process_override(self, stage, reason):
        for case in self.process_case_id:
            phase = case.process_id._phase_of(stage)
            missing = case._missing_at_gates({case: phase}) if phase else {}
            if missing:
                memory = dict(case.memory or {})
                case.memory = {**memory, "overrides": [*memory.get("overrides", ()), phase.id]}
                case.lead_id.with_user(self.env.uid)._process_log(
                    "override", text=f"{phase.name}: {reason}", missing=missing[case]
                )

    def process_missing(self, stage_id):
        """What each of these leads lacks to be moved to a stage.

        :return: list of `{'lead_id', 'missing', 'fields'}`, for those that lack something.
        """
        self.check_access("read")
        stage = self.env["crm.stage"].browse(self.env["sales.process.task"]._as_id(stage_id))
        found = []
        for case in self.sudo().process_case_id:
            phase = case.process_id._phase_of(stage)
            missing = case._missing_at_gates({case: phase}).get(case) if phase else None
            if missing:
                gates = case.process_id.gate_ids.filtered(
                    lambda gate, case=case, phase=phase: (
                        gate.kind == "fields" and case._passes_phase(gate.phase_id, phase)
                    )
                )
                names = [field.name for field in gates.field_ids if not case.lead_id[field.name]]
                found.append({"lead_id": case.lead_id.id, "missing": missing, "fields": names})
        return found
