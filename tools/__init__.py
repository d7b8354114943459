"""Provisioning of the project: everything `make` calls. No product code.

The modules that run before there is a virtual environment (`console`, `settings`, `debian`, `python_env`,
`processes`) use Python's standard library only; the others run inside it.
"""
