"""A pytest plugin: collects JUnit XML files, one item for each test recorded there, with its outcome."""

import xml.etree.ElementTree as ElementTree

import pytest


def pytest_collect_file(file_path, parent):
    """Every .xml file named on the command line is a result."""
    if file_path.suffix == ".xml":
        return ResultFile.from_parent(parent, path=file_path)
    return None


class ResultFile(pytest.File):
    """The results of one stage."""

    def collect(self):
        """One item a test; a failed set-up or tear-down is part of the same test."""
        for case in ElementTree.parse(self.path).iter("testcase"):
            name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
            yield ResultItem.from_parent(self, name=name, case=case)


class RecordedFailure(Exception):
    """The text of a failure that happened in a stage."""


class ResultItem(pytest.Item):
    """One recorded test."""

    def __init__(self, *, case, **options) -> None:
        super().__init__(**options)
        self.case = case

    def runtest(self) -> None:
        """Come to the recorded end."""
        problems = [node for node in self.case if node.tag in ("failure", "error")]
        if problems:
            raise RecordedFailure("\n".join(node.text or node.get("message", "") for node in problems))
        skipped = self.case.find("skipped")
        if skipped is not None:
            if skipped.get("type") == "pytest.xfail":
                pytest.xfail(skipped.get("message", ""))
            pytest.skip(skipped.get("message", ""))

    def repr_failure(self, excinfo, style=None):
        """The recorded text, without a traceback through this file."""
        if isinstance(excinfo.value, RecordedFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        """Where the test is said to be."""
        return self.path, None, self.name
