"""The pods of the Kubernetes manifest, under the same restrictions, run by the engine.

Volumes are root's and open to the pod's group, as Kubernetes makes them.
"""

import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from io import BytesIO
from typing import Any, Final

import httpx
import pytest

from containers.fleet import INSIDE
from containers.product import ONCE, Engine, Product, packed_model, until
from kubernetes_manifest import docker_options, objects, of_kind, pods
from stand_in import STAND_IN

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

ADDRESSES: Final = {
    "https://pacs.example.org:8042": "http://orthanc:8042",
    "@postgresql.example.org/hilum?sslmode=verify-full&sslrootcert=system": "@database/hilum",
}
"""What a site changes in the ConfigMap → what it is here."""


def packed(files: Mapping[str, str]) -> bytes:
    """Return files as a tar archive."""
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, BytesIO(text.encode()))
    return made.getvalue()


class Pod:
    """One pod of the manifest.

    Parameters
    ----------
    files
        What is in its volumes `settings` and `secrets`.
    """

    def __init__(
        self, engine: Engine, name: str, pod: dict[str, Any], files: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.engine, self.name, self.pod = engine, name, pod
        (self.container,) = pod["containers"]
        mounts = self.container["volumeMounts"]
        self.volumes = {mount["name"]: f"{name}-{mount['name']}" for mount in mounts}
        group = pod["securityContext"]["fsGroup"]
        for volume in self.volumes:
            folder, file = self.modes(volume)
            owned = f"tar -x -C /v && chown -R 0:{group} /v && chmod {folder:o} /v"
            command = f"{owned} && find /v -type f -exec chmod {file:o} {{}} +"
            where = f"--mount=type=volume,source={self.volumes[volume]},target=/v,volume-nocopy"
            run = ("run", "--rm", "--interactive", "--user=0:0", "--entrypoint=sh", where)
            image = self.container["image"]
            engine.run(*run, image, "-c", command, given=packed(files.get(volume, {})))

    def modes(self, volume: str) -> tuple[int, int]:
        """Return how open Kubernetes makes a volume of a pod with fsGroup, and files in it."""
        made = {each["name"]: each for each in self.pod["volumes"]}.get(volume, {})
        folder = 0o2777 if "emptyDir" in made else 0o2775
        return folder, made.get("secret", {}).get("defaultMode", 0o644)

    def once(self, container: dict[str, Any], *arguments: str, given: bytes = b"") -> str:
        """Run a container of it to its end."""
        options = docker_options(self.pod, container, self.volumes)
        run = ("run", "--rm", "--interactive", *options)
        return self.engine.run(*run, *arguments, given=given)

    def start(self, model: bytes) -> None:
        """Start it as the kubelet does; a model that may read is there when it looks for one."""
        (weights,) = self.pod["initContainers"]
        unpack = 'mkdir -m 700 "$HILUM_DATA_FOLDER" && tar -x -C "$HILUM_DATA_FOLDER"'
        self.once(weights, "--entrypoint=sh", weights["image"], "-c", unpack, given=model)
        said = self.once(weights, weights["image"], *weights["args"])
        assert "already installed" in said
        options = docker_options(self.pod, self.container, self.volumes)
        run = ("run", "--detach", f"--name={self.name}", f"--network={INSIDE}", *options)
        self.engine.run(*run, self.container["image"], *self.container["args"])

    def run(self, *command: str) -> str:
        """Run a command in it."""
        return self.engine.run("exec", self.name, *command)

    def probe(self, name: str) -> None:
        """Ask a probe as the kubelet does, by the pod's address or by a command in it."""
        asked = self.container[name]
        if "exec" in asked:
            self.run(*asked["exec"]["command"])
            return
        ports = {each["name"]: each["containerPort"] for each in self.container["ports"]}
        address = self.engine.inspect(self.name)["NetworkSettings"]["Networks"][INSIDE]["IPAddress"]
        http = asked["httpGet"]
        url = f"http://{address}:{ports[http['port']]}{http['path']}"
        httpx.get(url).raise_for_status()

    def end(self) -> int:
        """End it as the kubelet does; return its status."""
        self.engine.run("stop", f"--time={self.pod['terminationGracePeriodSeconds']}", self.name)
        return int(self.engine.inspect(self.name)["State"]["ExitCode"])

    def remove(self) -> None:
        """Throw it and its volumes away."""
        self.engine.run("rm", "--force", "--volumes", self.name, fails=True)
        self.engine.run("volume", "rm", "--force", *self.volumes.values(), fails=True)


@pytest.fixture
def site(product: Product) -> Iterator[dict[str, Pod]]:
    """Return a node's and a worker's pod, running beside PACS and database of Compose."""
    product.compose("stop", "hilum")
    manifest = objects()
    settings = of_kind(manifest, "ConfigMap")["data"]["hilum.toml"]
    for there, here in ADDRESSES.items():
        assert there in settings
        settings = settings.replace(there, here)
    secrets = {
        "pacs_password": product.within("orthanc", "cat", "/run/secrets/password"),
        "database_password": product.within("database", "cat", "/secrets/database/password"),
    }
    files = {
        "settings": {"hilum.toml": f'{settings}\n[model]\nname = "{STAND_IN}"\n'},
        "secrets": secrets,
    }
    model = packed_model(product.folder)
    with ExitStack() as stack:
        made: dict[str, Pod] = {}
        for kind, pod in pods(manifest).items():
            name = of_kind(manifest, kind)["metadata"]["name"]
            made[name] = Pod(product.engine, name, pod, files)
            stack.callback(made[name].remove)
            made[name].start(model)
        yield made


def test_pods_work_under_their_restrictions(site, product):
    """Probes answer, images are analyzed once, doctor finds nothing, and both end in time."""
    node, worker = site["hilum-node"], site["hilum-worker"]
    for pod, probe in ((node, "startupProbe"), (node, "readinessProbe"), (worker, "livenessProbe")):
        until(lambda pod=pod, probe=probe: pod.probe(probe) or True)
    until(lambda: "workers: 2 alive" in node.run("hilum", "doctor"))
    product.send(8)
    until(lambda: {ONCE: 8} == product.results())

    assert "hilum" == node.run("stat", "--format=%U", "/data/hilum").strip()
    assert [0, 0] == [pod.end() for pod in (worker, node)]
