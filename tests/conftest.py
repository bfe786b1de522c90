"""What every test starts from."""

from hypothesis import settings

# A time limit per example judges the machine, not the code: pytest's own timeout is enough.
# `print_blob` gives the line that repeats a failure seen elsewhere.
settings.register_profile("rota", deadline=None, print_blob=True)
settings.load_profile("rota")
