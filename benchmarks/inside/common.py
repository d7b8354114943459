"""What measurements inside Odoo share: a process to measure on, and a stopwatch that counts statements."""

import time


class Watch:
    """`with Watch(env) as watch:` then `watch.sql` and `watch.seconds`; commits count as they do in a job."""

    def __init__(self, env):
        self.env = env

    def __enter__(self):
        self.env.flush_all()
        self.env.cr.commit()
        self.env.invalidate_all()
        self.sql, self.start = self.env.cr.sql_log_count, time.perf_counter()
        return self

    def __exit__(self, *_error):
        self.env.flush_all()
        self.sql = self.env.cr.sql_log_count - self.sql
        self.seconds = time.perf_counter() - self.start

    def per(self, count):
        """(SQL, milliseconds) a record."""
        return self.sql / count, self.seconds / count * 1000


def make_reps(env, count=5):
    """Salespeople with addresses, as authors and responsible persons."""
    return (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            [
                {
                    "name": f"Rep {number}",
                    "login": f"bench_rep_{number}",
                    "email": f"rep{number}@seller.example.com",
                    "group_ids": [(4, env.ref("sales_team.group_sale_salesman").id)],
                }
                for number in range(count)
            ]
        )
    )


def lead_vals(team, reps, count, offset=0):
    return [
        {
            "name": f"Deal {number}",
            "team_id": team.id,
            "type": "opportunity",
            "contact_name": f"Customer {number}",
            "email_from": f"customer{number}@company{number}.example.org",
            "phone": f"+49 30 {1000000 + number}",
            "user_id": reps[number % len(reps)].id if reps else False,
        }
        for number in range(offset, offset + count)
    ]


def make_template(env):
    return env["mail.template"].create(
        {
            "name": "Bench letter",
            "model_id": env["ir.model"]._get_id("crm.lead"),
            "subject": "About {{ object.name }}",
            "body_html": '<p>Dear <t t-out="object.contact_name[:40]"/>,'
            ' <t t-out="object.user_id.name"/></p>',
            "use_default_to": True,
            "auto_delete": False,
        }
    )


def make_process(env, team, template):
    """call (late after an hour: a letter, and the next task) -> letter -> follow_up; active for the team."""
    process = env["sales.process"].create({"name": "Bench", "code": "bench", "team_ids": [(4, team.id)]})
    phase = env["sales.process.phase"].create({"process_id": process.id, "code": "one", "name": "One"})

    def step(code, kind, **vals):
        return env["sales.process.step"].create(
            {
                "process_id": process.id,
                "phase_id": phase.id,
                "code": code,
                "name": code,
                "kind": kind,
                "sequence": len(process.step_ids) * 10,
                **vals,
            }
        )

    def outcome(of, code, **vals):
        return env["sales.process.outcome"].create({"step_id": of.id, "code": code, "name": code, **vals})

    call = step("call", "task", deadline_amount=1)
    letter = step("letter", "mail", template_id=template.id)
    follow_up = step("follow_up", "task", deadline_amount=8)
    late = outcome(call, "late", next_step_id=letter.id)
    outcome(letter, "done", next_step_id=follow_up.id)
    outcome(follow_up, "won", end="won")
    env["sales.process.escalation"].create(
        [
            {"step_id": call.id, "code": "late", "action": "outcome", "outcome_id": late.id, "amount": 1},
            {"step_id": follow_up.id, "code": "owner", "action": "owner", "amount": 8},
        ]
    )
    process.action_activate()
    return process


def make_due(env, cases=None, hours=1):
    """Let all timers that wait be due, as if hours had passed."""
    env.flush_all()
    env.cr.execute(
        "UPDATE sales_process_timer SET date_due = (now() AT TIME ZONE 'UTC') - interval '1 minute' "
        "WHERE state = 'pending'"
    )
    env.invalidate_all()


def start(env, count, reps=5, chunk=1000):
    """A team with the process, and so many cases standing in `call`; (team, reps, leads)."""
    people = make_reps(env, reps)
    team = env["crm.team"].create({"name": "Bench", "user_id": env.ref("base.user_admin").id})
    process = make_process(env, team, make_template(env))
    leads = env["crm.lead"]
    for offset in range(0, count, chunk):
        made = (
            env["crm.lead"]
            .with_context(mail_auto_subscribe_no_notify=True)
            .create(lead_vals(team, people, min(chunk, count - offset), offset))
        )
        leads += made
        env.cr.commit()
        env.invalidate_all()
    return team, people, leads, process
