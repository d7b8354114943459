from . import crm_lead, sales_process
