"""Conditions that people keep in a field: read in one way, and refused when they are saved, not when they
are needed."""

from ast import literal_eval

from odoo.exceptions import ValidationError
from odoo.fields import Domain


def read_domain(record, name):
    """The condition in the field `name` of a record; nothing written means always."""
    return Domain(literal_eval(record[name] or "[]"))


def check_domain(record, name, model):
    """Refuse a condition that cannot be read, or asks for what there is not on `model`.

    :raise ValidationError: which field of which record, and why.
    """
    try:
        read_domain(record, name).validate(record.env[model])
    except (ValueError, SyntaxError, TypeError) as error:
        raise ValidationError(
            record.env._(
                "“%(name)s”: the condition in “%(field)s” cannot be used (%(error)s).",
                name=record.display_name,
                field=record._fields[name]._description_string(record.env),
                error=error,
            )
        ) from error
