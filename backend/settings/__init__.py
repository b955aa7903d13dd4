"""What the operator decides, read once at start: environment, `.env`, systemd credentials.

A file per concern; a setting is a field of its class, with a row in the README's table.
"""

from backend.settings.loading import (
    ALL_SETTINGS,
    Settings,
    SettingsError,
    unknown_names,
    variable_names,
)

__all__ = ["ALL_SETTINGS", "Settings", "SettingsError", "unknown_names", "variable_names"]
