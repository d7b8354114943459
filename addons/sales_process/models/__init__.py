from . import crm_lead_external_ref
from . import crm_lead_import
from . import crm_lead_stage_history
