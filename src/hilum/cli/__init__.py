"""The command line: each command is a module of this folder."""

from hilum.cli.main import main

__all__ = ["main"]
