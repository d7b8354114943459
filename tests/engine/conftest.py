"""The engine imports no Odoo: put the add-on's folder on the path and import it as it is."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "addons" / "sales_process"))
