"""Turns for costly requests: a bound for all, one for each user, and nobody is forgotten."""

import asyncio

import pytest
from starlette.exceptions import HTTPException

from hilum.web import slots
from hilum.web.slots import RequestSlots
from own_loop import in_own_loop


async def asked(lent: RequestSlots, user: str, count: int) -> list[int | None]:
    """Return how each of many requests of one user ended, and let others see how many work."""

    async def one() -> int | None:
        try:
            async with lent.taken(user):
                working.append(user)
                most.append(len(working))
                await asyncio.sleep(0)
                working.remove(user)
        except HTTPException as exc:
            return exc.status_code
        return None

    working: list[str] = []
    most: list[int] = []
    answers = await asyncio.gather(*(one() for _ in range(count)))
    assert max(most) <= slots.EACH
    return answers


def test_one_user_takes_a_share_only():
    """Of many requests a few work, some wait, and the rest are told to come back."""
    answers = in_own_loop(asked(RequestSlots(), "mallory", slots.MOST_EACH + 36))

    assert slots.MOST_EACH == answers.count(None)
    assert 36 == answers.count(503)


def test_others_are_served_meanwhile():
    """A user who keeps all that one may have leaves a turn to the next."""

    async def scene() -> bool:
        lent = RequestSlots()
        kept = [lent.taken("mallory") for _ in range(slots.EACH)]
        for each in kept:
            await each.__aenter__()
        async with lent.taken("ana"):
            pass
        for each in kept:
            await each.__aexit__(None, None, None)
        return not lent._users

    assert in_own_loop(scene())


def test_a_turn_is_given_back_after_an_error():
    """However the work ended."""

    async def scene() -> None:
        lent = RequestSlots()
        for _ in range(slots.MOST + 1):
            with pytest.raises(RuntimeError):
                async with lent.taken("ana"):
                    raise RuntimeError

    in_own_loop(scene())
