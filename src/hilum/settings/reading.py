"""Settings of the pipeline: [model], [pixels], [gate], [report]."""

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Final

from pydantic import Field, field_validator

from hilum.language import ENGLISH, Language, Message
from hilum.radiograph import PixelPipeline
from hilum.settings.section import SettingsSection


class ReadOrRefuse(StrEnum):
    """What to do with an image of which something that matters is uncertain."""

    READ = "read"
    """Read it, with a warning in every report."""
    REFUSE = "refuse"


class NotUpright(StrEnum):
    """What to do with an image whose header says that it is stored turned or mirrored."""

    TURN = "turn"
    """Show it to the model upright, with a warning in every report."""
    REFUSE = "refuse"


class UnusableWindow(StrEnum):
    """What to do with an image whose windows and tables would make it black and white."""

    IGNORE = "ignore"
    """Show the range of its pixels instead, and say so."""
    REFUSE = "refuse"


class ViewFromPixels(StrEnum):
    """When a network is asked whether an image is a frontal chest."""

    OFF = "off"
    WHEN_UNCLEAR = "when_unclear"
    """Where the header is silent on the view or contradicts itself, if the network is installed."""
    ALWAYS = "always"


class ExtraObject(StrEnum):
    """A DICOM object that is written only where a site asks for it."""

    SEGMENTATION = "segmentation"
    """The regions of the positive findings, as masks."""
    PRESENTATION_STATE = "presentation_state"
    """Their outlines and scores, drawn over the original by workstations."""
    KEY_OBJECTS = "key_objects"
    """A flag on images with positive findings."""
    PARAMETRIC_MAP = "parametric_map"
    """The class activation maps of the positive findings, as numbers, for research."""
    ENCAPSULATED_PDF = "encapsulated_pdf"
    """The report as a document, with the overlay, whatever was found."""


class SRClass(StrEnum):
    """SOP Class of the coded report; its content is the same in all three."""

    COMPREHENSIVE_3D = "comprehensive_3d"
    """What IHE AI Results asks for."""
    COMPREHENSIVE = "comprehensive"
    """For archives that do not take the former."""
    ENHANCED = "enhanced"
    """For archives that take neither."""


class ExecutionProvider(StrEnum):
    """What runs the network, by ONNX Runtime's names."""

    CPU = "cpu"
    CUDA = "cuda"
    """An NVIDIA GPU; needs onnxruntime-gpu in place of onnxruntime, see docs/speed.md."""


POINTS_FOLDER: Final = "points"
"""Folder in the data folder that holds the operating points that were ever put to use."""


class ModelSettings(SettingsSection):
    """Which model reads, and where its weights come from."""

    name: str = "densenet121-res224-all"
    """Name of the model card."""
    operating_points: str = "default"
    """Set of thresholds: default, ppv80 where published, or a file, such as one that
    `hilum evaluate --choose` wrote. `hilum points use` sets it for the whole node."""
    mirror: str | None = None
    """Address that replaces the release address of the weights."""
    offline_folder: Path | None = None
    """Folder that already holds the weights files; nothing is downloaded."""
    provider: ExecutionProvider = ExecutionProvider.CPU
    """What runs the network: cpu, or cuda (an NVIDIA GPU)."""
    threads: int = Field(0, ge=0)
    """Threads of the network; 0: one for each physical core that the process may use."""
    unusual_percentile: float = Field(99.5, ge=0, lt=100)
    """Warn when an image differs more from the reference images than this share of them, in
    percent; 0: neither compare nor collect."""
    reference_images: int = Field(200, ge=50, le=1000)
    """Images that a node collects before it fits the statistics of the reference images by itself;
    it fits them again at two and four times as many."""

    @property
    def points_name(self) -> str:
        """What readings call the operating points; of a file of no such name, its path."""
        path = PurePosixPath(self.operating_points)
        ours = path.parent == PurePosixPath(POINTS_FOLDER)
        return path.name.removesuffix(".json") if ours else self.operating_points


class PixelSettings(SettingsSection):
    """How stored pixels become what the model sees."""

    pipeline: PixelPipeline = PixelPipeline.DISPLAY
    """Pixel pipeline: display or torchxrayvision."""
    max_pixels: int = Field(100_000_000, gt=0)
    """Images with more pixels are refused, not decoded."""
    max_clipped_share: float = Field(0.75, gt=0, le=1)
    """Share of the middle of an image that a window or table may make black or white; one that
    makes more so is not applied."""
    unusable_window: UnusableWindow = UnusableWindow.IGNORE
    """When no window or table of an image can be applied for that reason: ignore them and show the
    range of the pixels, or refuse."""
    view_network: ViewFromPixels = ViewFromPixels.WHEN_UNCLEAR
    """When a network is asked whether an image is frontal: when_unclear (the header is silent or
    contradicts itself, and the network is installed), always, or off. It warns, and refuses none.
    """


class GateSettings(SettingsSection):
    """Which images the model may read."""

    modalities: tuple[str, ...] = ("CR", "DX")
    """Modalities that are read; OT, RF, RG, SC and XA can be added, and NONE for images without
    one. SC also lets in objects of the Secondary Capture classes."""
    unknown_view: ReadOrRefuse = ReadOrRefuse.READ
    """When nothing tells the view: read with a warning, or refuse."""
    combined_parts: ReadOrRefuse = ReadOrRefuse.REFUSE
    """When the image shows the chest and what lies around it, as CHESTABDOMEN: read with a warning,
    or refuse."""
    unreadable_age: ReadOrRefuse = ReadOrRefuse.REFUSE
    """When an age or a birth date is there, cannot be read, and the model has a minimum age: read
    with a warning, or refuse."""
    not_upright: NotUpright = NotUpright.TURN
    """When Patient Orientation says that the image is stored turned or mirrored: turn it upright
    for the model, with a warning, or refuse."""
    min_side: int = Field(224, gt=0)
    """Images with a side shorter than this many pixels are refused."""
    max_aspect_ratio: float = Field(1.6, ge=1)
    """Images whose longer side is more than this many times the shorter one are refused."""


class SREncoder(StrEnum):
    """Who makes a structured report's data set; the bytes are the same."""

    HILUM = "hilum"
    HIGHDICOM = "highdicom"


class ReportSettings(SettingsSection):
    """What is written back."""

    language: Language = ENGLISH
    """Language of texts for people: en, or one that has a catalogue, such as pt-BR."""
    sr_class: SRClass = SRClass.COMPREHENSIVE_3D
    """SOP Class of the coded report: comprehensive_3d, comprehensive or enhanced."""
    encoder: SREncoder = SREncoder.HILUM
    """Who writes structured reports: hilum, or highdicom, which writes the same bytes, takes
    fifteen times as long, and is installed with `hilum[highdicom]`."""
    codes_file: Path | None = None
    """TOML file whose codes replace those of hilum, see docs/conformance.md."""
    objects: tuple[ExtraObject, ...] = ()
    """Further objects: encapsulated_pdf for every image that was read; for those with positive
    findings segmentation, presentation_state, key_objects, parametric_map."""
    report_refusals: bool = False
    """Also write a text report into the study when an image is refused."""

    @field_validator("encoder")
    @classmethod
    def _is_installed(cls, encoder: SREncoder) -> SREncoder:
        if encoder is SREncoder.HIGHDICOM and find_spec("highdicom") is None:
            raise ValueError(Message("highdicom is not installed: pip install 'hilum[highdicom]'"))
        return encoder
