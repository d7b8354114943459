from odoo import fields, models

from .mail_activity import DONE_FILES, DoneFiles


class SalesProcessTask(models.Model):
    """The activity that shows a task to who is responsible for it."""

    _inherit = "sales.process.task"

    def _make_activities(self):
        """An activity for each task, in its person's language, without a mail for each."""
        model_id = self.env["ir.model"]._get_id("crm.lead")
        tasks = self.filtered(lambda task: not task.activity_id and task.user_id)
        type_of = {step: step._activity_type() for step in tasks.step_id}
        vals_list = [
            {
                "res_model_id": model_id,
                "res_model": "crm.lead",
                "res_id": task.lead_id.id,
                "res_name": task.lead_id.display_name,
                "activity_type_id": type_of[task.step_id].id,
                "summary": task._name_for(task.user_id),
                "user_id": task.user_id.id,
                "date_deadline": task._activity_day(),
                "automated": True,
                "process_task_id": task.id,
            }
            for task in tasks
        ]
        if not vals_list:
            return
        activities = (
            self.env["mail.activity"].sudo().with_context(mail_activity_quick_update=True).create(vals_list)
        )
        for task, activity in zip(tasks, activities, strict=True):
            task.activity_id = activity

    def _name_for(self, user):
        return self.step_id.with_context(lang=user.lang or self.env.lang).name

    def _activity_day(self):
        moment = self.date_deadline or self.date_open or fields.Datetime.now()
        return fields.Datetime.context_timestamp(
            self.with_context(tz=self.user_id.tz or "UTC"), moment
        ).date()

    def _close_activities(self):
        """Done by a person: the activity is done, with the outcome in words. Else it is taken away."""
        files = self.env.context.get(DONE_FILES)
        by_person = self.filtered("done_by_id")
        answers = by_person.filtered("activity_id").grouped(
            lambda task: (task.done_by_id, task._answer_text())
        )
        for (user, answer), tasks in answers.items():
            activities = tasks.activity_id.with_user(user).sudo()
            if isinstance(files, DoneFiles):
                for activity in activities:
                    activity._action_done(feedback=answer, attachment_ids=list(files))
            else:
                activities._process_done(answer)
        (self - by_person).activity_id.unlink()

    def _answer_text(self):
        answer = self.outcome_id.name or self.env._("The customer refused")
        return f"{answer}. {self.comment}" if self.comment else answer

    def _assign(self, user_of, why):
        """Give open tasks to other people, with their activities.

        :param user_of: dict task -> user.
        """
        moving = self.browse(
            task.id for task, user in user_of.items() if task.state == "open" and task.user_id != user
        )
        for user, tasks in moving.grouped(lambda task: user_of[task]).items():
            tasks.user_id = user
            tasks.activity_id.with_context(mail_activity_quick_update=True).user_id = user
            tasks._make_activities()
            tasks._log("reassigned", self.env._("%(why)s: %(user)s", why=why, user=user.name))
