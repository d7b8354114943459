"""The engine is imported as `engine`: the add-on's own package would import Odoo."""

import sys
from pathlib import Path

ADDON = Path(__file__).resolve().parents[2] / "addons" / "sales_process"

# At the end: the add-on's other folders (`tests`, `models`) must not hide anything.
if str(ADDON) not in sys.path:
    sys.path.append(str(ADDON))
