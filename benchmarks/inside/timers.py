"""Due escalations, by our timers and by an automation rule."""

from datetime import timedelta

from common import Watch, lead_vals, make_due, make_reps, make_template, start
from odoo import fields

LETTERS = [("subject", "=like", "About Deal%")]


def escalate(env, count):
    """Our way: the timer takes the outcome, the letter is queued, the next task opens. (SQL, ms) a record."""
    _team, _reps, leads, _process = start(env, count)
    make_due(env)
    Task = env["sales.process.task"]
    with Watch(env) as watch:
        Task._cron_run_timers()
        Task._cron_run_queued()
    done(leads, count)
    return watch.per(count)


def done(leads, count):
    """All letters queued, all next tasks open with their activities: else the figures mean nothing."""
    env = leads.env
    env.invalidate_all()
    mails = env["mail.mail"].search_count([("model", "=", "crm.lead"), ("res_id", "in", leads.ids)])
    tasks = env["sales.process.task"].search([("lead_id", "in", leads.ids), ("state", "=", "open")])
    assert mails == count, f"{mails} mails"
    assert len(tasks) == count and set(tasks.mapped("step_id.code")) == {"follow_up"}, tasks.mapped(
        "step_id.code"
    )
    assert len(tasks.activity_id) == count


def automation_rule(env, count):
    """What plain Odoo offers: a rule on a date, with a mail and a next activity. (SQL, ms) a record."""
    reps = make_reps(env)
    team = env["crm.team"].create({"name": "Bench"})
    template = make_template(env)
    leads = env["crm.lead"].create(lead_vals(team, reps, count))
    now = fields.Datetime.now()
    leads.write({"date_open": now - timedelta(hours=1)})
    model = env["ir.model"]._get("crm.lead")
    rule = env["base.automation"].create(
        {
            "name": "Late",
            "model_id": model.id,
            "trigger": "on_time",
            "trg_date_id": env["ir.model.fields"]._get("crm.lead", "date_open").id,
            "trg_date_range": 10,
            "trg_date_range_type": "minutes",
            "trg_date_range_mode": "after",
            "filter_domain": f"[('team_id', '=', {team.id})]",
            "last_run": now - timedelta(days=2),
        }
    )
    env["ir.actions.server"].create(
        [
            {
                "name": "Mail",
                "model_id": model.id,
                "state": "mail_post",
                "template_id": template.id,
                "mail_post_method": "email",
                "base_automation_id": rule.id,
                "usage": "base_automation",
                "sequence": 1,
            },
            {
                "name": "Activity",
                "model_id": model.id,
                "state": "next_activity",
                "base_automation_id": rule.id,
                "activity_type_id": env.ref("mail.mail_activity_data_call").id,
                "activity_summary": "Follow up",
                "activity_user_type": "generic",
                "activity_user_field_name": "user_id",
                "activity_date_deadline_range": 1,
                "activity_date_deadline_range_type": "days",
                "usage": "base_automation",
                "sequence": 2,
            },
        ]
    )
    with Watch(env) as watch:
        env["base.automation"]._cron_process_time_based_actions()
    mails = env["mail.mail"].search_count(LETTERS)
    assert mails == count, f"{mails} mails"
    assert len(leads.activity_ids) == count, len(leads.activity_ids)
    return watch.per(count)
