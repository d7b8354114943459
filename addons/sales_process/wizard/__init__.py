from . import sales_approval_refuse
from . import sales_contract_terminate
from . import sales_process_enroll
from . import sales_process_pause
from . import sales_process_reassign
from . import sales_process_refuse
from . import sales_process_skip
