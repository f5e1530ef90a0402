"""Errors that a person reads: one clear line that says what to do.

VedetteError
  ├─ SettingError   a setting, option or file is wrong; the line names it and says what would be right
  └─ StoreError     the database cannot be used as it is
"""


class VedetteError(Exception):
    """Something a person must put right; shown as one line, without a traceback."""


class SettingError(VedetteError):
    """A setting, option or file is wrong."""


class StoreError(VedetteError):
    """The database cannot be used as it is."""
