"""The shipped processes as the engine knows them, read from the add-on's data files without Odoo."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from engine.definition import Delay, Escalation, Outcome, Process, Step

DATA = Path(__file__).resolve().parents[2] / "addons" / "sales_process" / "data"
NAMES = ("new_business", "renewal")


def load(name: str) -> Process:
    """The process of `sales_process_<name>.xml`."""
    return _Reader(DATA / f"sales_process_{name}.xml").process()


class _Record(dict):
    """The fields of one `<record>`: text, the id a `ref` names, or what `eval` says of a boolean."""

    def __init__(self, node):
        super().__init__((field.get("name"), _value(field)) for field in node.findall("field"))
        self.id, self.model = node.get("id"), node.get("model")

    def number(self, name):
        return float(self.get(name) or 0)

    def delay(self, amount, unit, working, default_unit="hours"):
        """The delay of three fields, by the defaults of the models."""
        if not self.number(amount):
            return None
        return Delay(self.number(amount), self.get(unit) or default_unit, self.get(working) is not False)


def _value(field):
    if field.get("ref"):
        return field.get("ref")
    if field.get("eval") in ("True", "False"):
        return field.get("eval") == "True"
    return field.get("eval") or (field.text or "").strip() or None


class _Reader:
    """One data file; its records by id."""

    def __init__(self, path):
        nodes = ElementTree.parse(path).getroot().iter("record")
        self.records = {node.get("id"): _Record(node) for node in nodes}

    def process(self) -> Process:
        (process,) = self._of("sales.process")
        return Process(
            code=process["code"], version=1,
            phases=tuple(phase["code"] for phase in self._of("sales.process.phase")),
            steps=tuple(self._step(record) for record in self._of("sales.process.step")),
        )  # fmt: skip

    def _of(self, model, **values):
        """Records of a model with these values, in their order."""
        found = [
            record for record in self.records.values()
            if record.model == model and values.items() <= record.items()
        ]  # fmt: skip
        return sorted(found, key=lambda record: record.number("sequence") or 10)

    def _code(self, reference):
        """Code of the record that a reference names, None where there is none."""
        return self.records[reference]["code"] if reference else None

    def _step(self, record) -> Step:
        fields = self._of("sales.process.step.field", step_id=record.id)
        return Step(
            code=record["code"], kind=record["kind"], phase=self._code(record["phase_id"]),
            outcomes=tuple(map(self._outcome, self._of("sales.process.outcome", step_id=record.id))),
            escalations=tuple(map(self._escalation, self._of("sales.process.escalation", step_id=record.id))),
            deadline=record.delay("deadline_amount", "deadline_unit", "deadline_working"),
            opens_at=record.get("opens_at"), due_at=record.get("due_at"),
            skip_outcome=record.get("skip_outcome_code") if record.get("skip") else None,
            writes_customer=record["kind"] == "mail",
            has_template=bool(record.get("template_id") or record.get("paper")),
            fields=tuple(field["field_id"].rpartition("__")[2] for field in fields),
        )  # fmt: skip

    def _outcome(self, record) -> Outcome:
        taken = record.get("taken_outcome_id")
        return Outcome(
            code=record["code"], next=self._code(record.get("next_step_id")), end=record.get("end"),
            event=record.get("event"), mode=record.get("mode") or "open",
            wait=record.delay("wait_amount", "wait_unit", "wait_working", "days"),
            asks_date=bool(record.get("asks_date")), limit=int(record.number("limit")),
            limit_next=self._code(record.get("limit_next_step_id")), limit_end=record.get("limit_end"),
            taken=f"{self._code(self.records[taken]['step_id'])}.{self._code(taken)}" if taken else None,
            unvisited=self._code(record.get("unvisited_step_id")), has_condition=bool(record.get("domain")),
        )  # fmt: skip

    def _escalation(self, record) -> Escalation:
        working = record.get("working") is not False
        return Escalation(
            code=record["code"], action=record["action"], anchor=record.get("anchor") or "after",
            delay=Delay(record.number("amount"), record.get("unit") or "hours", working),
            hold=record.delay("hold_amount", "hold_unit", "working"),
            outcome=self._code(record.get("outcome_id")), has_template=bool(record.get("template_id")),
            behaviour=record.get("behaviour") or "any",
        )  # fmt: skip
