from odoo import fields, models


class SalesProcessPhase(models.Model):
    """A part of the way that deals stand in: shown as a stage of the pipeline.

    Every team has its own stages; `stage_ids` says which of them stand for this phase.
    """

    _name = "sales.process.phase"
    _inherit = "sales.process.part"
    _description = "Phase of a Sales Process"

    _frozen_exempt = frozenset({"stage_ids"})

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True)
    stage_ids = fields.Many2many(
        "crm.stage",
        string="Stages",
        help="The stages of the teams' pipelines that stand for this phase.",
    )

    _code_unique = models.Constraint(
        "UNIQUE (process_id, code)", "Two phases of a process cannot share a code."
    )

    def _stage_for(self, team):
        """The stage of a team's pipeline that stands for this phase; empty where there is none.

        A stage of the team's own comes before one that all teams share.
        """
        self.ensure_one()
        stages = self.stage_ids
        return (
            stages.filtered(lambda stage: team in stage.team_ids)
            or stages.filtered(lambda stage: not stage.team_ids)
        )[:1]

    def _provide_stages(self, team):
        """See that a team has a stage for each of these phases; only what is missing is made.

        A stage that stands for the same phase in another process of the team is taken first. A team
        whose pipeline is no longer than the process keeps its stages: they are taken in their order.
        """
        stages = self.env["crm.stage"].sudo().search([("team_ids", "in", [team.id, False])])
        free = stages.filtered(lambda stage: not stage.is_won) - self._stages_of(team)
        simple = len(free) <= len(self)
        for position, phase in enumerate(self.sudo()):
            if not phase._stage_for(team):
                known = phase._stage_in_other_process(team)
                own = free[position : position + 1] if simple or position == 0 else free.browse()
                phase.stage_ids |= known or own or phase._make_stage(team, stages, len(self) - position)

    def _stages_of(self, team):
        """The stages that stand for one of these phases already."""
        return self.env["crm.stage"].union(*(phase._stage_for(team) for phase in self))

    def _stage_in_other_process(self, team):
        """The stage of the phase with the same code in another active process of the team."""
        twins = self.search(
            [
                ("code", "=", self.code),
                ("process_id.state", "=", "active"),
                ("process_id.team_ids", "in", team.ids),
                ("id", "!=", self.id),
            ]
        )
        return self.env["crm.stage"].union(*(twin._stage_for(team) for twin in twins))[:1]

    def _make_stage(self, team, stages, places_before_won):
        """A stage on this team's board only, in the process' order just before the won one."""
        won = stages.filtered("is_won")[:1]
        stage = self.env["crm.stage"].create(
            {
                "name": self.name,
                "team_ids": [fields.Command.link(team.id)],
                "sequence": max(won.sequence - places_before_won, 0) if won else 10 + self.sequence,
            }
        )
        for lang, _name in self.env["res.lang"].get_installed():
            stage.with_context(lang=lang).name = self.with_context(lang=lang).name
        return stage
