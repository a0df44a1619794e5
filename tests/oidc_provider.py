"""A small OpenID Connect provider: real signatures, PKCE, one-time codes; and it can lie."""

import base64
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from certificates import Signed

CLIENT = "hilum"
SECRET = "the client's secret"  # noqa: S105


@dataclass
class Provider:
    """What the provider knows and says.

    Attributes
    ----------
    claims
        What an ID token says beside what it must.
    lies
        Instead of what it must say; None leaves a claim out.
    signing, published
        The key that signs, and the one that is published.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "Ana"})
    lies: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    signing: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    published: RSAKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    discovered: int = 0

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where the browser goes once the user has signed in."""
        assert "code" == asked["response_type"]
        assert "S256" == asked["code_challenge_method"]
        code = f"code{len(self.codes)}"
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.url}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Return the answer to a code: each works once, with its verifier and our secret."""
        asked = self.codes.pop(form.get("code", ""), None)
        login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or authorization != f"Basic {login}"
            or challenge != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        said = {
            "iss": self.url,
            "sub": "user-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        said = {k: v for k, v in (said | self.claims | self.lies).items() if v is not None}
        header = {"alg": self.algorithm, "kid": "one"}
        return 200, {"id_token": jwt.encode(header, said, self.signing), "token_type": "Bearer"}


class Handler(BaseHTTPRequestHandler):
    """Speaks for the provider of its server."""

    def do_GET(self) -> None:
        provider, parts = self.server.provider, urlsplit(self.path)
        if parts.path == "/.well-known/openid-configuration":
            provider.discovered += 1
            self.answer(
                200,
                {
                    "issuer": provider.url,
                    "authorization_endpoint": f"{provider.url}/authorize",
                    "token_endpoint": f"{provider.url}/token",
                    "jwks_uri": f"{provider.url}/keys",
                },
            )
        elif parts.path == "/keys":
            key = provider.published or provider.signing
            self.answer(200, {"keys": [key.as_dict(private=False)]})
        else:
            self.send_response(303)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self.send_header("Location", provider.authorize(asked))
            self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.answer(*self.server.provider.token(form, self.headers.get("Authorization", "")))

    def answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output readable."""


@contextmanager
def running_provider(certificate: Signed | None = None) -> Iterator[Provider]:
    """Serve a provider on a free port of loopback, over TLS if it has a certificate."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scheme = "http"
        if certificate is not None:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(certificate.certificate, certificate.key)
            server.socket, scheme = tls.wrap_socket(server.socket, server_side=True), "https"
        server.provider = Provider(f"{scheme}://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.provider
        server.shutdown()
        thread.join()
