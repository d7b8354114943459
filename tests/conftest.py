"""Nothing in tests/ runs inside Odoo: pytest-odoo's automatic fixtures, where it is loaded, do nothing."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def load_registry():
    """In place of the plugin's, which opens a database."""


@pytest.fixture(scope="session", autouse=True)
def load_http():
    """In place of the plugin's, which starts a web server."""


@pytest.fixture(scope="module", autouse=True)
def enable_odoo_test_flag():
    """In place of the plugin's."""
