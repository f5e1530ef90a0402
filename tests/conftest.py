"""What holds for every test."""

from hypothesis import settings

from tests import dialects

dialects.share()

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")
