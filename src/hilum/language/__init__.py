"""Every text that people read, in their language: messages, catalogues, numbers and dates.

A language is one file: ``catalogues/<locale>.po``. English is what the code says.
"""

from hilum.language.language import ENGLISH, LANGUAGES, Language, accepted, in_ascii, of_environment
from hilum.language.message import Message

__all__ = ["ENGLISH", "LANGUAGES", "Language", "Message", "accepted", "in_ascii", "of_environment"]
