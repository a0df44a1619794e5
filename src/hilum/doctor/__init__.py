"""Checks the installation and says what to do. Changes nothing."""

from hilum.doctor.check import Level
from hilum.doctor.run import run_checks

__all__ = ["Level", "run_checks"]
