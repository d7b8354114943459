from . import sales_approval_refuse
