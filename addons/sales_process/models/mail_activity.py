from odoo import api, fields, models
from odoo.addons.mail.tools.discuss import Store
from odoo.exceptions import UserError

DONE_FILES = "sales_process_done_files"
PLACE = frozenset({"res_model", "res_model_id", "res_id"})


class DoneFiles(tuple):
    """Ids of files that somebody who may read them hands in: a type of our own, which no client can send."""

    __slots__ = ()


class MailActivity(models.Model):
    """An activity of a process task: the two are done together, whichever is clicked."""

    _inherit = "mail.activity"

    process_task_id = fields.Many2one(
        "sales.process.task",
        ondelete="cascade",
        index="btree_not_null",
        readonly=True,
    )

    def _action_done(self, feedback=False, attachment_ids=None):
        """A process task is completed with its only outcome; where there are several, one must be named."""
        ours = self.filtered(lambda activity: activity.sudo().process_task_id.state == "open")
        for activity in ours:
            files = self.env["ir.attachment"].browse(attachment_ids or [])
            files.check_access("read")
            # the files come back when the task closes its activity
            activity.with_context(**{DONE_FILES: DoneFiles(files.ids)})._complete_task(feedback)
        rest = self - ours
        rest._process_calls_made()
        if not rest:
            return self.env["mail.message"], self.browse()
        return super(MailActivity, rest)._action_done(feedback=feedback, attachment_ids=attachment_ids)

    def _process_done(self, feedback):
        """Done, with the same answer to all. Odoo posts to each record by itself; of many, those of which
        nothing but the answer is to be kept are noted together, in as many statements as one."""
        alike = self.browse() if len(self) == 1 else self._process_plain()
        for activity in self - alike:
            activity._action_done(feedback=feedback)
        if not alike:
            return
        leads = self.env["crm.lead"].browse(alike.mapped("res_id"))
        bodies = {activity.res_id: activity._process_done_text(feedback) for activity in alike}
        notes = leads._message_log_batch(bodies, author_id=self.env.user.partner_id.id)
        notes.subtype_id = self.env.ref("mail.mt_activities")
        for kind, activities in alike.grouped("activity_type_id").items():
            of_kind = set(activities.mapped("res_id"))
            notes.filtered(lambda note, ids=of_kind: note.res_id in ids).mail_activity_type_id = kind
        alike.action_archive()
        alike.feedback = feedback

    def _process_plain(self):
        """Those of leads, one of each, that bring no files, no meeting and no next activity."""
        with_files = (
            self.env["ir.attachment"]
            .sudo()
            .search([("res_model", "=", self._name), ("res_id", "in", self.ids)])
            .mapped("res_id")
        )
        plain = self.filtered(
            lambda activity: (
                activity.res_model == "crm.lead"
                and activity.chaining_type != "trigger"
                and not activity.calendar_event_id
                and activity.id not in with_files
            )
        )
        return self.browse(activities[0].id for activities in plain.grouped("res_id").values())

    def _process_done_text(self, feedback):
        """What Odoo writes of an activity that is done."""
        return self.env["ir.qweb"]._render(
            "mail.message_activity_done",
            {
                "activity": self,
                "object": self.env["crm.lead"].browse(self.res_id),
                "feedback": feedback,
                "display_assignee": self.user_id != self.env.user,
            },
            minimal_qcontext=True,
        )

    def _process_calls_made(self):
        """A call that somebody logs beside the process is a sign of life of the customer."""
        calls = self.filtered(
            lambda activity: (
                activity.res_model == "crm.lead"
                and activity.activity_category == "phonecall"
                and not activity.sudo().process_task_id
            )
        )
        leads = self.env["crm.lead"].browse(calls.mapped("res_id")).exists().filtered("process_case_id")
        if leads:
            leads._process_customer_lives(self.env._("a call was logged"))
            leads._speed_contact()

    def _complete_task(self, feedback):
        task = self.process_task_id
        outcomes = task.sudo().step_id.outcome_ids
        if len(outcomes) != 1:
            codes = ", ".join(f"{outcome.code} ({outcome.name})" for outcome in outcomes)
            raise UserError(
                self.env._(
                    "“%(task)s” can end in several ways. Open the task and choose one: %(codes)s.",
                    task=task.display_name,
                    codes=codes,
                )
            )
        task.complete(outcomes.code, comment=feedback or None)

    @api.autovacuum
    def _gc_delete_old_overdue_activities(self):
        """However old, a task that is open is still to be done."""
        return super(
            MailActivity, self.with_context(sales_process_vacuum=True)
        )._gc_delete_old_overdue_activities()

    def unlink(self):
        if self.env.context.get("sales_process_vacuum"):
            self -= self.filtered(lambda activity: activity._open_process_task())
        return super().unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_open_task(self):
        """The process would forget the task if its activity could be cancelled."""
        tasks = self.sudo().process_task_id.exists()
        tasks = tasks.filtered(lambda task: task.state == "open" and task.activity_id in self)
        if tasks:
            raise UserError(
                self.env._(
                    "“%s” belongs to the sales process and cannot be cancelled. Complete it with an outcome, "
                    "hand it over, or pause the process.",
                    tasks[0].display_name,
                )
            )

    def write(self, vals):
        """Whoever gets the activity gets the task."""
        if not self.env.su:
            self._check_process_write(vals)
        result = super().write(vals)
        if vals.get("user_id"):
            moved = self._open_process_tasks().filtered(lambda task: task.user_id.id != vals["user_id"])
            if moved:
                moved.user_id = vals["user_id"]
                moved._log("reassigned", self.env["res.users"].browse(vals["user_id"]).name)
        return result

    def _check_process_write(self, vals):
        """An activity stays with its task: handed over by the task's rules, neither moved nor put away."""
        if "process_task_id" in vals:
            raise UserError(self.env._("The task of an activity is not changed by hand."))
        tasks = self._open_process_tasks() if {"user_id", "active", *PLACE} & set(vals) else None
        if not tasks:
            return
        # a merge moves the activity to where it has moved the task
        follows = set(vals) & PLACE == {"res_id"} and set(tasks.lead_id.ids) == {vals["res_id"]}
        if (set(vals) & PLACE and not follows) or not vals.get("active", True):
            raise UserError(
                self.env._(
                    "“%s” belongs to the sales process: its activity is neither moved nor archived. "
                    "Complete it with an outcome, "
                    "hand it over, or pause the process.",
                    tasks[0].display_name,
                )
            )
        if "user_id" in vals:
            tasks.with_env(self.env)._check_hand_over(vals["user_id"])

    def _open_process_tasks(self):
        """The open tasks that these activities stand for."""
        return self.sudo().process_task_id.filtered(
            lambda task: task.state == "open" and task.activity_id in self
        )

    @api.model_create_multi
    def create(self, vals_list):
        named = self.env.context.get("default_process_task_id") or any(
            vals.get("process_task_id") for vals in vals_list
        )
        if named and not self.env.su:
            raise UserError(self.env._("Tasks of the process make their activities themselves."))
        return super().create(vals_list)

    def _to_store_defaults(self, target):
        """The web client is told which activities are tasks of the process: it opens their form."""
        return [
            *super()._to_store_defaults(target),
            Store.Attr("process_task", lambda activity: activity._open_process_task().id or False),
        ]

    def _open_process_task(self):
        task = self.sudo().process_task_id
        return task if task.state == "open" else task.browse()
