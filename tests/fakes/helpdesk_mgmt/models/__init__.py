from . import helpdesk_ticket, helpdesk_ticket_stage, helpdesk_ticket_team, res_users
