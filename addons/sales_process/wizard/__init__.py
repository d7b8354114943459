from . import sales_approval_refuse
from . import sales_contract_terminate
