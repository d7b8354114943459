"""The Russian translation of every add-on is complete and says what the English does.

That the catalogues hold the words of today is tested inside Odoo (test_terms.py); `make translate` renews
them.
"""

import re
from pathlib import Path

import polib
import pytest

CATALOGUES = sorted((Path(__file__).resolve().parents[2] / "addons").glob("*/i18n/ru.po"))
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdgif]|\{\{.*?\}\}", re.DOTALL)
TAG = re.compile(r"<[^>]+>")
# attributes whose words are translated
WORDS = re.compile(r'\b(?:title|aria-label|placeholder|alt)="[^"]*"')


@pytest.fixture(scope="module", params=CATALOGUES, ids=lambda path: path.parent.parent.name)
def russian(request):
    return polib.pofile(str(request.param))


def placeholders(text):
    # "100 % and" is no placeholder; in Python's formats the sign would be doubled
    return sorted(PLACEHOLDER.findall(text.replace("%%", "")))


def tags(text):
    return sorted(WORDS.sub("", tag) for tag in TAG.findall(text))


def test_no_term_twice(russian):
    assert len(russian) == len({entry.msgid for entry in russian})


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
