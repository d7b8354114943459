from . import crm_claim, res_partner
