"""Wrong passwords as a weapon: they keep nobody out, and guessing stays slow."""

import httpx
import pytest

from attacked_node import Node
from web_context import csrf_in, held_off

pytestmark = pytest.mark.orthanc

NAME = "admin"


def sign_in(browser: httpx.Client, password: str, name: str = NAME) -> httpx.Response:
    """Fill in the form and send it."""
    form = {"csrf": csrf_in(browser.get("/login").text), "name": name, "password": password}
    return browser.post("/login", data=form)


@pytest.fixture
def password(node: Node) -> str:
    """Return the first operator's password."""
    return (node.up.data / "admin-password").read_text().strip()


def test_fifty_wrong_passwords_from_ten_addresses_lock_nobody_out(node: Node, password: str):
    """Who has signed in with this browser before gets in at once, others after seconds."""
    with node.browser("127.0.0.50") as at_work, node.browser("127.0.0.70") as stranger:
        assert 303 == sign_in(at_work, password).status_code
        at_work.cookies.delete("hilum_session")
        for each in range(10):
            with node.browser(f"127.0.0.{51 + each}") as attacker:
                for _ in range(5):
                    assert 401 == sign_in(attacker, "wrong").status_code
        waits = held_off(lambda: sign_in(stranger, "wrong"))

        assert 303 == sign_in(at_work, password).status_code
        assert 64 >= int(waits.headers["retry-after"])
    unlocked = node.up.run("users", "unlock", NAME)
    assert 0 == unlocked.returncode, unlocked.stderr
    with node.browser("127.0.0.71") as elsewhere:
        assert 303 == sign_in(elsewhere, password).status_code


def test_a_colleague_behind_the_same_address_locks_nobody_out(node: Node, password: str):
    """Twenty wrong names, and the right one waits a second."""
    with node.browser("127.0.0.80") as browser:
        answers = [sign_in(browser, "wrong", f"name{each}") for each in range(20)]
        answer = sign_in(browser, password)
        while answer.status_code == 429:
            assert 4 >= int(answer.headers["retry-after"])
            answer = sign_in(browser, password)

    assert {401} == {answer.status_code for answer in answers}
    assert 303 == answer.status_code
