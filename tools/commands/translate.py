"""`make translate`: the words of all add-ons as they are now, in their templates and Russian catalogues.

What has its Russian keeps it; what is new stands in the catalogue without any, to be translated, and is
named. What is gone leaves both.
"""

from pathlib import Path

import polib

from .. import addons, odoo_server, postgres, stages, templates
from ..console import say, step
from ..settings import ADDONS, use_stand_ins


def main(arguments) -> int:
    """Templates come from databases that hold the shipped processes as they are now."""
    use_stand_ins()
    server = postgres.server("test")
    with step("Template database (made anew when models or data have changed)"):
        template = templates.with_addons(server, demo=False)
    conf = templates.conf(server, "translate")
    odoo_server.export_terms(conf, template, addons.installable())
    with stages.bridges_installed(server, template) as database:
        odoo_server.export_terms(conf, database, addons.bridges())
    lacking = [entry for catalogue in _catalogues() for entry in _renew(catalogue)]
    say(f"{len(lacking)} texts are without Russian." if lacking else "All texts have their Russian.")
    for entry in lacking:
        say(f"  {entry.msgid!r}")
    return 1 if lacking else 0


def _catalogues() -> list[Path]:
    return [template.with_name("ru.po") for template in sorted(ADDONS.glob("*/i18n/*.pot"))]


def _renew(catalogue: Path) -> list[polib.POEntry]:
    """Write the template's entries with the translations there are; the entries that have none."""
    template = polib.pofile(str(catalogue.with_name(f"{catalogue.parent.parent.name}.pot")))
    russian = polib.pofile(str(catalogue))
    known = {entry.msgid: entry.msgstr for entry in russian}
    renewed = polib.POFile()
    renewed.header, renewed.metadata = russian.header, russian.metadata
    for entry in template:
        entry.msgstr = known.get(entry.msgid, "")
        renewed.append(entry)
    renewed.save(str(catalogue))
    return [entry for entry in renewed if not entry.msgstr]
