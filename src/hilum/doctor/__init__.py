"""Checks the installation and says what to do. Changes nothing."""

from hilum.doctor.check import CheckResult, Level
from hilum.doctor.run import NamedResult, run_checks

__all__ = ["CheckResult", "Level", "NamedResult", "run_checks"]
