"""What `create` is really asked for: a value may be given outright, as a default in the context
(`default_…`), or as a default that a user keeps for themselves (`ir.default`). A check that looks at the
first kind alone is passed by whoever uses another."""


def with_defaults(model, vals, names):
    """These values, and what `create` would add to them for these fields.

    :param names: fields of `model`; those that are in `vals` already keep their value there.
    :return: a new dict.
    """
    missing = [name for name in names if name not in vals]
    defaults = model.default_get(missing)
    return {name: defaults[name] for name in missing if name in defaults} | vals
