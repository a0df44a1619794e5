"""People who are signed in to the page, as their browser shows it to them."""

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page

from hilum.records.accounts import Role
from hilum.web.context import WebContext
from hilum.web.sessions import SESSION_COOKIE, THEME_COOKIE, cookie_name
from web_context import begin_session

DESKTOP: Final = (1440, 900)


@dataclass(frozen=True)
class Look:
    """How somebody looks at a page."""

    size: tuple[int, int] = DESKTOP
    theme: str = "dark"
    locale: str = "en-US"
    role: Role = Role.VIEWER

    def __str__(self) -> str:
        return f"{self.role}-{self.size[0]}-{self.theme}-{self.locale}"


def signed_in(
    chromium: Browser, web: WebContext, url: str, look: Look, name: str = ""
) -> BrowserContext:
    """Return the browser of somebody with that role; the caller closes it."""
    width, height = look.size
    context = chromium.new_context(viewport={"width": width, "height": height}, locale=look.locale)
    secret = begin_session(web, name or f"some.{look.role}", look.role)
    cookies = {
        cookie_name(SESSION_COOKIE, web.settings.page): secret,
        cookie_name(THEME_COOKIE, web.settings.page): look.theme,
    }
    context.add_cookies([{"name": k, "value": v, "url": url} for k, v in cookies.items()])
    return context


def forget_session(tab: Page) -> None:
    """Be nobody; what a page still asks for would bring cookies back."""
    tab.goto("about:blank")
    tab.context.clear_cookies()
