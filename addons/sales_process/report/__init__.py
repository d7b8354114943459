# ruff: noqa: I001 - the abstract part comes before the models that inherit from it
from . import sales_process_dynamics_figures
from . import sales_process_dynamics
from . import sales_process_dynamics_total
from . import sales_process_forecast_chance
from . import sales_process_dynamics_forecast
from . import sales_process_forecast_past
from . import sales_process_forecast
from . import sales_process_forecast_months
from . import sales_process_working_interval
from . import sales_process_task_report
from . import sales_process_task_in_hand
from . import sales_process_task_day
from . import sales_process_dashboard
