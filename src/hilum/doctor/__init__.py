"""Looks at everything that a helpdesk would ask, and says what to do. Changes nothing."""

from hilum.doctor.check import Finding, Level
from hilum.doctor.run import Examined, examine

__all__ = ["Examined", "Finding", "Level", "examine"]
