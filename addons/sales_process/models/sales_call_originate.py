import logging

import requests
from odoo import api, models
from odoo.exceptions import UserError

_logger = logging.getLogger(__name__)

# Seconds for the connection, and for the answer: the rep waits for it.
TIMEOUT = (3, 5)


class SalesCallConnection(models.Model):
    """Calls that a telephone system is asked to start."""

    _inherit = "sales.call.connection"

    @api.model
    def _can_originate(self, company):
        return bool(self.env.user.sudo().call_extension and self._starting_calls(company))

    @api.model
    def _starting_calls(self, company):
        """The company's telephone system that starts calls (sudo), if there is one."""
        return self.sudo().search([("company_id", "=", company.id), ("originate_url", "!=", False)], limit=1)

    @api.model
    def _originate(self, lead):
        """Have a lead's customer called; only ever the lead's own number. The request leaves after commit."""
        user = self.env.user.sudo()
        connection = self._starting_calls(lead.company_id or self.env.company)
        if not connection:
            raise UserError(self.env._("No telephone system starts calls here: dial the number yourself."))
        if not user.call_extension:
            raise UserError(self.env._("Your extension is not known yet: fill it in, in your preferences."))
        if not lead.phone:
            raise UserError(self.env._("%s has no phone number.", lead.display_name))
        asked = {
            "number": lead.phone_sanitized or lead.phone,
            "extension": user.call_extension,
            "user": user.login,
            "lead_id": lead.id,
        }
        self.env.cr.postcommit.add(lambda: connection._ask_to_call(connection.originate_url, asked))

    def _ask_to_call(self, url, asked):
        """Post the wish; whoever clicked hears of a failure."""
        try:
            # No redirection: it would lead to where nobody has allowed it.
            answer = requests.post(url, json=asked, timeout=TIMEOUT, allow_redirects=False, stream=True)
            answer.close()
            problem = "" if answer.ok and answer.status_code < 300 else self._refused(answer.status_code)
        except requests.RequestException as error:
            _logger.info("A call could not be started: %s", error)
            problem = self._unreachable(error)
        if problem:
            self._tell_user(problem)

    def _refused(self, status):
        return self.env._(
            "The telephone system “%(name)s” refused the call (%(status)s).", name=self.name, status=status
        )

    def _unreachable(self, error):
        if isinstance(error, requests.Timeout):
            return self.env._(
                "The telephone system “%s” did not answer in time. Dial the number yourself.", self.name
            )
        return self.env._("The telephone system “%s” cannot be reached. Dial the number yourself.", self.name)

    def _tell_user(self, problem):
        """The transaction is over: in one of its own."""
        with self.env.registry.cursor() as cr:
            user = self.env(cr=cr).user
            user._bus_send(
                "simple_notification",
                {
                    "type": "danger",
                    "title": self.env._("The call was not started"),
                    "message": problem,
                    "sticky": True,
                },
            )
