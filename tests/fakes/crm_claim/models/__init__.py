from . import crm_claim, crm_claim_stage
