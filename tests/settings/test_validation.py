"""What pydantic complains about becomes one line."""

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from hilum.settings.section import first_invalid


class Part(BaseModel):
    """Something with a list and no other names."""

    model_config = ConfigDict(extra="forbid")

    shares: list[float] = []

    @field_validator("shares")
    @classmethod
    def sums_to_one(cls, shares: list[float]) -> list[float]:
        """Refuse in words of ours."""
        if sum(shares) > 1:
            raise ValueError("they are more than the whole")
        return shares


class Whole(BaseModel):
    """Something that holds parts."""

    part: Part = Part()

    @model_validator(mode="after")
    def has_shares(self) -> "Whole":
        """Refuse the whole."""
        if not self.part.shares:
            raise ValueError("there is nothing in it")
        return self


def invalid(given: dict[str, object]) -> ValidationError:
    """Return pydantic's error."""
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(given)
    return caught.value


def test_place_is_named_to_the_end():
    """Names and numbers, with points between them."""
    name, why = first_invalid(invalid({"part": {"shares": [0.5, "much"]}}))

    assert "part.shares.1" == name
    assert "a number is needed" == why


def test_words_of_ours_have_no_prefix():
    """Pydantic puts the kind of the error before them."""
    found = first_invalid(invalid({"part": {"shares": [0.7, 0.7]}}))

    assert ("part.shares", "they are more than the whole") == found


def test_whole_has_no_name():
    """Whoever asks says what it is."""
    assert ("", "there is nothing in it") == first_invalid(invalid({}))


def test_unknown_name_is_called_that():
    """In the words of whoever asks, and only this kind of error."""
    wrong = invalid({"part": {"shares": [0.1], "shore": 1}})
    assert ("part.shore", "no such") == first_invalid(wrong, unknown="no such")

    other = invalid({"part": {"shares": 1}})
    assert "no such" != first_invalid(other, unknown="no such").why
