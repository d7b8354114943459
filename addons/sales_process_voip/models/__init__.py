from . import voip_call
