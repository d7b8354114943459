"""The Russian translation is complete and says what the English does.

The template is exported from a database that has the add-on from scratch (so that it holds the words of the
shipped processes as they are now), and both files are committed:

    odoo i18n export -d DATABASE -o addons/sales_process/i18n/sales_process.pot sales_process
"""

import ast
import re
from pathlib import Path

import polib
import pytest

ADDON = Path(__file__).resolve().parents[2] / "addons" / "sales_process"
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdgif]|\{\{.*?\}\}", re.DOTALL)
TAG = re.compile(r"<[^>]+>")
# attributes whose words are translated
WORDS = re.compile(r'\b(?:title|aria-label|placeholder|alt)="[^"]*"')
SCRIPT_TERM = re.compile(r'\b_t\(\s*"((?:[^"\\]|\\.)*)"')


@pytest.fixture(scope="module")
def template():
    return polib.pofile(str(ADDON / "i18n" / "sales_process.pot"))


@pytest.fixture(scope="module")
def russian():
    return polib.pofile(str(ADDON / "i18n" / "ru.po"))


def placeholders(text):
    # "100 % and" is no placeholder; in Python's formats the sign would be doubled
    return sorted(PLACEHOLDER.findall(text.replace("%%", "")))


def tags(text):
    return sorted(WORDS.sub("", tag) for tag in TAG.findall(text))


def python_terms():
    for path in sorted(ADDON.rglob("*.py")):
        if "tests" in path.relative_to(ADDON).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = getattr(node.func, "id", getattr(node.func, "attr", None))
                if name == "_" and isinstance(node.args[0].value, str):
                    yield node.args[0].value


def script_terms():
    for path in sorted((ADDON / "static" / "src").rglob("*.js")):
        yield from SCRIPT_TERM.findall(path.read_text())


def test_same_terms(template, russian):
    assert {entry.msgid for entry in template} == {entry.msgid for entry in russian}
    assert len(russian) == len({entry.msgid for entry in russian})


def test_template_is_not_stale(template):
    known = {entry.msgid for entry in template}
    missing = {*python_terms(), *script_terms()} - known
    assert not missing, "export the template again and translate what is new"


def test_nothing_is_left_out(russian):
    assert not [entry.msgid for entry in russian if not entry.msgstr.strip() or entry.fuzzy or entry.obsolete]


def test_same_placeholders(russian):
    wrong = [entry.msgid for entry in russian if placeholders(entry.msgid) != placeholders(entry.msgstr)]
    assert not wrong


def test_same_markup(russian):
    wrong = [entry.msgid for entry in russian if tags(entry.msgid) != tags(entry.msgstr)]
    assert not wrong


def test_russian_quotation_marks(russian):
    """«» in what is read; the straight ones only inside of tags and expressions."""
    bare = {entry.msgid: TAG.sub("", PLACEHOLDER.sub("", entry.msgstr)) for entry in russian}
    assert not [msgid for msgid, text in bare.items() if re.search('[“”"]', text)]
