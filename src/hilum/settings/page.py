"""Settings of the page: where it listens, who may sign in."""

import re
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr, field_validator

from hilum.language import Message
from hilum.settings.section import SettingsSection

LIMIT: Final = re.compile(r"(.+)=((?:institution|physician|label)=.*[^\s^].*)")
"""A value of a claim, and to which studies it limits."""


class PageSettings(SettingsSection):
    """The page: worklist, studies, operations, and the API."""

    enabled: bool = True
    """Serve the page with the node."""
    host: str = "127.0.0.1"
    """Address that the page listens on; 0.0.0.0: every network."""
    port: int = Field(8000, ge=0, le=65535)
    """Its port; 0: any free one."""
    certificate: Path | None = None
    """TLS certificate with its chain (PEM); with it the page speaks HTTPS."""
    certificate_key: Path | None = None
    """Private key of that certificate (PEM)."""
    public_url: str | None = Field(None, pattern=r"^https?://[^/]+$")
    """Address under which people reach the page when a proxy stands before it, e.g.
    https://hilum.example.org; with https, cookies are sent over TLS only."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that the page answers to, besides that of public_url, addresses, names without a
    dot, names of private networks (.local, .lan, .internal, .intranet, .home.arpa) and this
    machine's own."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For and -Proto are believed."""
    max_connections: int = Field(400, ge=16)
    """Connections at a time, half of them from one address (but for trusted_proxies); fewer where
    the process may not have as many descriptors."""
    idle_minutes: int = Field(120, gt=0)
    """Minutes without a request after which a session ends."""
    session_hours: int = Field(12, gt=0)
    """Hours after which a session ends, whatever is done in it."""
    confirm_minutes: int = Field(15, gt=0)
    """Minutes after a sign-in for which users, tokens, passkeys and second factors can be changed
    without showing again who one is."""
    second_factor: bool = False
    """Whether every user with a password here has to add a passkey or an app with codes before
    anything else."""
    second_factor_key_file: Path | None = None
    """File with the key that encrypts the secrets of second factors in the database, made when it
    is needed; unset: second-factor-key in data_folder. Keep copies apart from the database's."""
    login_failures: int = Field(5, gt=0)
    """Wrong passwords of one user from one address before the next try has to wait: a second, then
    twice as long each time, up to 64 seconds."""
    login_window_minutes: int = Field(15, gt=0)
    """Minutes over which wrong passwords are counted."""
    unaided_first: bool = False
    """Show every user the image first: scores, heatmaps and the order by findings come after their
    own review, or when they ask; each review records which. False: for those who choose so."""
    limit_studies: bool = False
    """Viewers and readers see the studies alone that hilum users limit, or oidc.limits, gives them,
    none before; operators see all unless they are limited, too."""
    max_upload_bytes: int = Field(2 * 1024 * 1024 * 1024, gt=0)
    """Largest upload by the page, in bytes."""
    ohif_folder: Path | None = None
    """Folder of OHIF's build (dist of the npm package @ohif/app); unset: the one that
    hilum viewer install made, or scripts/ohif.sh in a clone."""


class OidcSettings(SettingsSection):
    """Sign-in by OpenID Connect, beside the users that hilum keeps itself."""

    issuer: str | None = Field(None, pattern=r"^https?://")
    """Address of the provider, without /.well-known; unset: no such sign-in."""
    client_id: str = "hilum"
    """Client identifier that the provider gave."""
    client_secret: SecretStr | None = None
    """Its secret; unset: a public client."""
    client_secret_file: Path | None = None
    """File that holds that secret, e.g. a Docker or Kubernetes secret."""
    ca_file: Path | None = None
    """PEM file of the authorities that the provider's certificate is checked against; unset: the
    system's."""
    label: str = "OpenID Connect"
    """Name of the provider on the sign-in page."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """Scopes that are asked for."""
    name_claim: str = "preferred_username"
    """Claim that becomes the user's name; else email, else sub."""
    role_claim: str = "groups"
    """Claim that the role is taken from."""
    roles: tuple[str, ...] = ()
    """What that claim's values mean, as VALUE=ROLE with the role viewer, reader or operator; the
    strongest counts, and who has none may not sign in."""

    limits: tuple[str, ...] = ()
    """To which studies that claim's values limit somebody, with page.limit_studies, as
    VALUE=institution=NAME, VALUE=physician=NAME or VALUE=label=NAME; unset: operators do it."""

    @field_validator("limits")
    @classmethod
    def _limiting(cls, limits: tuple[str, ...]) -> tuple[str, ...]:
        for text in limits:
            if LIMIT.fullmatch(text) is None:
                raise ValueError(
                    Message("'{text}' is not VALUE=institution=NAME or the like", text=text)
                )
        return limits

    @field_validator("roles")
    @classmethod
    def _known(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        for pair in roles:
            if pair.rpartition("=")[2] not in {"viewer", "reader", "operator"} or "=" not in pair:
                raise ValueError(
                    Message(
                        "'{pair}' is not VALUE=viewer, VALUE=reader or VALUE=operator", pair=pair
                    )
                )
        return roles
