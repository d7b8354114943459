"""Every figure of the analysis screens equals one that pandas works out from the CSV files of a pipeline.

The pipeline is made up, with the shape of a real one; SALES_PIPELINE=/folder takes real files. Their days are
moved to the last months, so that periods, forecast and back-test have something to tell. It is brought in
once for all files of this folder.
"""

import os
from datetime import date
from pathlib import Path

import pipeline_file
import pytest
from figures_office import Office, bring_in, count_anew, without_grace
from figures_pandas import expected_past, moves_of

from tools.live_server import LiveServer


@pytest.fixture(scope="session")
def office(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    real = os.environ.get("SALES_PIPELINE")
    source = Path(real) if real else pipeline_file.make(folder / "made")
    live = LiveServer("figures", demo=False)
    try:
        live.open()
        pipeline_file.shift(source, folder / "lately", date.today())
        without_grace(live)
        bring_in(live, folder / "lately")
        made = Office(live, pipeline_file.read(folder / "lately"))
        count_anew(made)
        yield made
    finally:
        live.close()


@pytest.fixture(scope="session")
def deals(office):
    return office.deals


@pytest.fixture(scope="session")
def moves(office):
    return moves_of(office.deals, office.today)


@pytest.fixture(scope="session")
def past(office):
    return expected_past(office.deals, office.today)


@pytest.fixture(params=[30, 90, 365])
def days(request):
    return request.param
