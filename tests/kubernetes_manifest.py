"""deploy/kubernetes/hilum.yaml, read; and what it makes of a pod, as options of docker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

MANIFEST: Final = Path(__file__).parents[1] / "deploy" / "kubernetes" / "hilum.yaml"

UNITS: Final = {"Mi": 1024**2, "Gi": 1024**3}
"""Suffixes of quantities that the manifest has."""

MAKES_PODS: Final = ("StatefulSet", "Deployment")


def objects() -> list[dict[str, Any]]:
    """Return the manifest's objects."""
    return list(yaml.safe_load_all(MANIFEST.read_text()))


def of_kind(manifest: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Return the one object of a kind."""
    (found,) = [each for each in manifest if each["kind"] == kind]
    return found


def pods(manifest: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the pods' specifications by the kind of what makes them."""
    return {kind: of_kind(manifest, kind)["spec"]["template"]["spec"] for kind in MAKES_PODS}


def size(quantity: str) -> int:
    """Return the bytes of a quantity."""
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def docker_options(
    pod: dict[str, Any], container: dict[str, Any], volumes: dict[str, str]
) -> Iterator[str]:
    """Yield how docker restricts a container as Kubernetes does.

    Parameters
    ----------
    volumes
        The engine's volume for each of the pod's.
    """
    context = pod["securityContext"] | container["securityContext"]
    assert context["runAsNonRoot"] == bool(context["runAsUser"])
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}  # docker's own without a word
    yield f"--user={context['runAsUser']}:{context['runAsGroup']}"
    yield f"--group-add={context['fsGroup']}"
    if context["readOnlyRootFilesystem"]:
        yield "--read-only"
    if not context["allowPrivilegeEscalation"]:
        yield "--security-opt=no-new-privileges"
    yield from (f"--cap-drop={each}" for each in context["capabilities"]["drop"])
    memory = size(container["resources"]["limits"]["memory"])
    yield from (f"--memory={memory}", f"--memory-swap={memory}")
    yield from (f"--env={each['name']}={each['value']}" for each in container["env"])
    for mount in container["volumeMounts"]:
        # an image's own files are not copied into a volume there
        options = f"type=volume,source={volumes[mount['name']]},volume-nocopy"
        mode = ",readonly" if mount.get("readOnly") else ""
        yield f"--mount={options},target={mount['mountPath']}{mode}"
