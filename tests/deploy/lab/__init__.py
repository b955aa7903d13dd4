"""Two bare Debian hosts on this machine, to deploy to: see README.md."""
