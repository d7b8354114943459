"""A pytest plugin for Odoo's own checks: they are to judge our add-ons, not the rest of Odoo.

Give `-p tools.pytest_only_ours` and the add-ons' names in the environment variable OUR_ADDONS.
"""

import os


def pytest_collection_modifyitems(items) -> None:
    """Once Odoo is loaded, let its list of add-ons be ours."""
    from odoo.modules import Manifest

    ours = [Manifest.for_addon(name) for name in os.environ["OUR_ADDONS"].split(",")]
    Manifest.all_addon_manifests = staticmethod(lambda: ours)
