from . import test_voip_call
