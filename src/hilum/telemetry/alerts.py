"""Sends one message to one target: an e-mail, a webhook, a push. Apprise knows the services."""

import logging
import warnings
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr

from hilum import PRODUCT
from hilum.errors import SettingInvalid
from hilum.language import Language, Message
from hilum.settings.alerts import AlertSettings, target_of

TEST: Final = Message("This is a test alert. Alerts arrive here.")


@dataclass(frozen=True, slots=True)
class AlertTarget:
    """Where alerts are sent."""

    number: int
    """Which of the settings, from 1."""
    url: SecretStr
    """Apprise's address, with its password."""

    @property
    def digest(self) -> str:
        """What names it in the database."""
        return target_of(self.url)

    @property
    def name(self) -> str:
        """What names it to people: number and kind of service, and no address."""
        return f"{self.number} ({self.url.get_secret_value().partition(':')[0]})"

    def send(self, title: str, body: str) -> bool:
        """Send a text; return whether the service took it.

        Raises
        ------
        SettingInvalid
            The address is none that Apprise knows.
        """
        sender = self._opened()
        return bool(sender.notify(body=body, title=title, body_format="text"))

    def check(self) -> None:
        """Raise `SettingInvalid` when the address is none that Apprise knows."""
        self._opened()

    def _opened(self) -> Any:
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it quotes addresses
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of modules that it uses where they are still there
            import apprise  # noqa: PLC0415  an extra, and a second to load

            sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id=PRODUCT, async_mode=False))
            known = sender.add(self.url.get_secret_value())
        if not known:
            raise SettingInvalid(
                "Apprise does not recognize address {number} of alerts.urls.",
                "See https://appriseit.com/services for how addresses are written.",
                number=self.number,
            )
        return sender


def targets(settings: AlertSettings) -> list[AlertTarget]:
    """Return where alerts are sent."""
    return [AlertTarget(number, url) for number, url in enumerate(settings.urls, 1)]


def send_test(settings: AlertSettings, statement: str) -> dict[str, bool]:
    """Send a test alert to each target; return name → whether it was taken.

    Raises
    ------
    SettingInvalid
        An address is none that Apprise knows.
    """
    language: Language = settings.language
    body = f"{language.say(TEST)}\n\n{language.say(statement)}"
    title = language.say("hilum: test alert")
    return {each.name: each.send(title, body) for each in targets(settings)}
