"""Models come to this machine: pulled from their release, or added from a file.

A network of a stranger's is tried in a process of its own that ends in time.
"""

import hashlib
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from hilum.errors import CardInvalid, HilumError, TermsNotAccepted, WeightsMissing
from hilum.files.errors import read_errors
from hilum.predict.card import (
    ModelCard,
    NetworkKind,
    WeightsFormat,
    WeightsSource,
    parse_toml,
)
from hilum.predict.catalogue import is_shipped, models_folder
from hilum.predict.download import Download, Expected, Progress
from hilum.predict.graph import load_graph
from hilum.predict.installed import Installation, InstallRecord, Source, install, is_installed
from hilum.predict.model import build_network
from hilum.predict.network import Execution
from hilum.predict.weights import read_state
from hilum.settings import Settings

TRIAL_S: Final = 60.0
"""Seconds for loading and one run: many times what the largest network needs."""


def require_usable(card: ModelCard, network: Path) -> None:
    """Load an ONNX file and run it once.

    Raises
    ------
    CardInvalid
        It does not keep the contract of docs/models.md, never ends, or crashes.
    SourceUnreadable
        The file cannot be opened.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(card, network, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(TRIAL_S):
            raise CardInvalid(
                "{name} did not finish within {trial_s:.0f} s.",
                "Look for an endless loop in it.",
                name=network.name,
                trial_s=TRIAL_S,
            )
        problem: HilumError | None = ours.recv()
    except EOFError as exc:
        raise CardInvalid(
            "{name} crashed the process that tried it.", "Check the file.", name=network.name
        ) from exc
    finally:
        process.kill()
        process.join()
        ours.close()
    if problem is not None:
        raise problem


def _run(card: ModelCard, network: Path, told: Connection) -> None:
    record = InstallRecord(source_sha256="", contents_sha256="", verified=False)
    try:
        with read_errors(f"The file {network.name}"):
            contents = network.read_bytes()
        build_network(card, Installation(contents, record), [0], Execution())
    except HilumError as exc:
        told.send(exc)
    else:
        told.send(None)


DOWNLOADS: Final = "downloads"
"""Folder of the data folder for what is on its way."""


def pull(
    card: ModelCard,
    settings: Settings,
    progress: Progress,
    *,
    inert_names: bool = False,
    terms_accepted: bool = False,
) -> InstallRecord | None:
    """Fetch a model's weights from its release, the mirror or the offline folder.

    Parameters
    ----------
    settings
        Name the data folder, the mirror and the offline folder.
    inert_names
        Whether names that nobody listed are ignored though no hash of the file is
        published; where one is, they always are.
    terms_accepted
        Whether the person accepts the terms of the card.

    Returns
    -------
    InstallRecord or None
        What was installed; None for a network that comes with hilum.

    Raises
    ------
    TermsNotAccepted
        The card has terms, and nobody accepted them.
    WeightsMissing
        The file can't be had, or the card has no address.
    WeightsUntrusted
        The file is not what the card says, or holds more than weights.
    """
    if card.weights.format is WeightsFormat.SHIPPED:
        return None  # it came with hilum
    if card.terms and not terms_accepted:
        raise TermsNotAccepted(
            "{name} has terms that you have to accept: {terms}",
            "Read its licence. If your use is covered, run "
            "`hilum models pull {name} --accept-terms`; it is written down with the model.",
            name=card.name,
            terms=card.terms,
        )
    place = weights_place(card, settings)
    expected = Expected(card.weights.size, card.weights.sha256)
    if isinstance(place, Path):
        sha256 = expected.check(place)
        return install_torch(card, place, sha256, settings.data_folder, inert_names=inert_names)
    path = settings.data_folder / DOWNLOADS / place.rpartition("/")[2]
    sha256 = Download(place, path, expected, progress).run()
    try:
        return install_torch(card, path, sha256, settings.data_folder, inert_names=inert_names)
    finally:
        path.unlink(missing_ok=True)


def weights_place(card: ModelCard, settings: Settings) -> Path | str:
    """Return where a model's weights are to be had: a file of the offline folder, or an address.

    Raises
    ------
    WeightsMissing
        The card has no address, or the offline folder lacks the file.
    """
    if card.weights.url is None:
        raise WeightsMissing(
            "{name} was added from a file and has no address.",
            "Add it again with `hilum models add`.",
            name=card.name,
        )
    name = card.weights.url.rpartition("/")[2]
    offline, mirror = settings.model.offline_folder, settings.model.mirror
    if offline is None:
        return card.weights.url if mirror is None else f"{mirror.rstrip('/')}/{name}"
    if not (offline / name).is_file():
        raise WeightsMissing(
            "The offline folder has no file {name}.",
            "Copy it to {offline_folder} from a machine with a network.",
            name=name,
            offline_folder=offline,
        )
    return offline / name


def install_torch(
    card: ModelCard,
    path: Path,
    sha256: str,
    data_folder: Path,
    *,
    card_text: str | None = None,
    inert_names: bool,
) -> InstallRecord:
    """Read a weights file of torch, lay it out for its graph and install it.

    In a file whose hash the card publishes, a name that nobody listed stands for nothing: it
    is the file that its authors published, and nothing in it runs.

    Raises
    ------
    WeightsUntrusted
        It names what it may not, or the weights do not fit the network.
    """
    verified = card.weights.sha256 is not None and card_text is None
    state = read_state(path, inert_names=verified or inert_names)
    contents = load_graph(card.graph).lay_out(state.tensors, len(card.labels))
    return install(
        card,
        contents,
        Source(
            sha256,
            verified=verified,
            inert_names=state.inert_names,
            accepted_terms=card.terms,
        ),
        data_folder=data_folder,
        card_text=card_text,
    )


def add_weights(
    card: ModelCard,
    weights: Path,
    data_folder: Path,
    *,
    replace: bool = False,
    inert_names: bool = False,
) -> InstallRecord:
    """Register weights of a published architecture under a new name.

    Parameters
    ----------
    weights
        A pickled module or state dict of torch.
    replace
        Whether a model that was added under this name before may go.
    inert_names
        Whether names in the file that nobody listed are ignored.

    Returns
    -------
    InstallRecord
        What was installed.

    Raises
    ------
    CardInvalid
        The name is taken.
    SourceUnreadable
        The weights file cannot be opened.
    WeightsUntrusted
        It names what it may not, or the weights do not fit the network.
    """
    refuse_taken(card, data_folder, replace=replace)
    return install_torch(
        card,
        weights,
        digest(weights),
        data_folder,
        card_text=card.model_dump_json(indent=1),
        inert_names=inert_names,
    )


def card_like(name: str, like: ModelCard, own: Path | None = None) -> ModelCard:
    """Return a new model's card: the network of one card, the facts of another file.

    Parameters
    ----------
    like
        The card whose network, labels and operating points it shares.
    own
        A TOML file with the fields that are its own; see docs/models.md.

    Raises
    ------
    CardInvalid
        The other card has no network for weights, or the file has a field that is unknown,
        impossible or not its to give.
    """
    if like.weights.format is not WeightsFormat.TORCH:
        raise CardInvalid(
            "Weights alone need one of hilum's graphs, and {name} uses none of them.",
            "Name another card with --like, or add the whole network with --onnx.",
            name=like.name,
        )
    fields: dict[str, Any] = {
        "version": "1",
        "title": f"{name}: weights added here for the network of {like.name}",
        "labels": like.labels,
        "operating_points": like.operating_points,
        "min_age_years": like.min_age_years,
        "limits": ("Added on this site: its authors and training are known to the site alone.",),
    }
    if own is not None:
        given = parse_toml(own)
        fixed = {"kind", "graph", "input_size", "weights", "demonstration"} & set(given)
        if fixed:
            raise CardInvalid(
                "The card {name} gives {fixed}.",
                "Leave that out: it comes from {card} and from the file.",
                name=own.name,
                fixed=", ".join(sorted(fixed)),
                card=like.name,
            )
        given.pop("name", None)  # the command line has named it
        fields |= given
    fields |= {"name": name, "kind": like.kind, "graph": like.graph, "input_size": like.input_size}
    try:
        return ModelCard.model_validate(fields)
    except ValidationError as exc:
        raise ModelCard.invalid(exc, own.name if own else name) from exc


def add_onnx(card_path: Path, network: Path, data_folder: Path, *, replace: bool) -> ModelCard:
    """Register a whole network from an ONNX file.

    Parameters
    ----------
    replace
        Whether a model that was added under this name before may go.

    Returns
    -------
    ModelCard
        The new model's card.

    Raises
    ------
    CardInvalid
        The card cannot be used, or the network does not keep the contract of docs/models.md.
    SourceUnreadable
        The ONNX file cannot be opened.
    """
    card = ModelCard.read(card_path)
    card = card.model_copy(
        update={"weights": WeightsSource(format=WeightsFormat.ONNX), "graph": "file"}
    )
    if card.kind is not NetworkKind.CLASSIFIER:
        raise CardInvalid(
            "The card {name} is of a {kind} network, and an ONNX file of your own can only be a "
            "classifier.",
            "Leave out kind, and give it operating points.",
            name=card.name,
            kind=card.kind,
        )
    refuse_taken(card, data_folder, replace=replace)
    require_usable(card, network)
    install(
        card,
        network.read_bytes(),
        Source(digest(network), verified=False),
        data_folder=data_folder,
        card_text=card.model_dump_json(indent=1),
    )
    return card


def refuse_taken(card: ModelCard, data_folder: Path, *, replace: bool) -> None:
    """Refuse a name that another model has.

    Raises
    ------
    CardInvalid
        It is one of hilum's own, or was added before and may not go.
    """
    if is_shipped(card.name):
        raise CardInvalid(
            "{name} is the name of a model that comes with hilum.",
            "Choose another name.",
            name=card.name,
        )
    if is_installed(card, data_folder) and not replace:
        raise CardInvalid(
            "There is already a model named {name} in {models_folder}.",
            "Choose another name, or use --replace.",
            name=card.name,
            models_folder=models_folder(data_folder),
        )


def digest(path: Path) -> str:
    """Return a file's SHA-256.

    Raises
    ------
    SourceUnreadable
        It cannot be opened.
    """
    with read_errors(f"The file {path.name}"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
