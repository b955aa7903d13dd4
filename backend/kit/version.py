"""This release's version, from the package's own metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("parlor")
except PackageNotFoundError:  # run from a bare checkout
    VERSION = "0.0.0"
