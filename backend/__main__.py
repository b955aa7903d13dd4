"""`python -m backend`: the same as the command `parlor`."""

from backend.cli.main import main

if __name__ == "__main__":
    main()
