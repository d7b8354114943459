from . import test_contract
from . import test_stage_history
from . import test_import
from . import test_walk
from . import test_renewal
from . import test_document_request
from . import test_rights
from . import test_running
