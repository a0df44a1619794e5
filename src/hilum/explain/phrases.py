"""What the sheet says, in each language."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hilum.settings import ReasonLanguage


@dataclass(frozen=True, slots=True)
class OverlayPhrases:
    """The sheet's words in one language; ``{}`` takes numbers and names."""

    title: str
    """Headline, with the number of positive and of all findings."""
    nothing: str
    """Headline when nothing is positive."""
    nothing_more: str
    """Second line of a calm sheet's panel."""
    read_at: str
    """Time of the reading."""
    operating_points: str
    """Name of the set of thresholds."""
    badge: str
    """The mark in the corner of every sheet."""
    findings: str
    score: str
    """Headings of the table's columns."""
    half: str
    """The operating point as a score."""
    not_probability: str
    """What a score is not."""
    legend: str
    """Heading of the colour bar."""
    weakest: str
    strongest: str
    """Ends of the colour bar."""
    contour: str
    """What the line means."""
    frame: str
    """What the dashed frame means."""
    strongest_shown: str
    """When there are more positive findings than panels."""
    others: str
    """Findings that the table has no room for."""
    cautions: str
    """Heading of the warnings."""
    unverified: str
    """The warning about weights that nobody confirmed."""
    demonstration: str
    """The warning about the model that is no model."""
    weights: str
    """Name of the hash in the last line."""


ENGLISH: Final = OverlayPhrases(
    title="{positive} of {all} findings at or above the operating point",
    nothing="No finding at or above its operating point",
    nothing_more="Highest score: {name} {score}",
    read_at="Analyzed {}",
    operating_points="Operating points: {}",
    badge="AI · RESEARCH USE ONLY",
    findings="Findings",
    score="Score",
    half="0.50",
    not_probability="0.50 is the operating point. A score is not a probability.",
    legend="Regions driving the score",
    weakest="little",
    strongest="peak of the map",
    contour="Outline: half of the peak. It is not the edge of a lesion.",
    frame="Dashed: the part of the image that the model saw.",
    strongest_shown="The {} highest scores are shown",
    others="and {} more, below",
    cautions="Caution",
    unverified="Weights not verified: no published hash, trusted on first use.",
    demonstration="Demonstration model: its numbers mean nothing.",
    weights="weights",
)

PORTUGUESE: Final = OverlayPhrases(
    title="{positive} de {all} achados no ponto de operação ou acima dele",
    nothing="Nenhum achado no ponto de operação ou acima dele",
    nothing_more="Maior escore: {name} {score}",
    read_at="Análise: {}",
    operating_points="Pontos de operação: {}",
    badge="IA · SOMENTE PARA PESQUISA",
    findings="Achados",
    score="Escore",
    half="0,50",
    not_probability="0,50 é o ponto de operação. O escore não é uma probabilidade.",
    legend="Regiões que influenciaram o escore",
    weakest="pouco",
    strongest="pico do mapa",
    contour="Contorno: metade do pico. Não é a borda de uma lesão.",
    frame="Tracejado: a parte da imagem que o modelo viu.",
    strongest_shown="São mostrados os {} maiores escores",
    others="e mais {}, abaixo",
    cautions="Atenção",
    unverified="Pesos não verificados: sem hash publicado, aceitos no primeiro uso.",
    demonstration="Modelo de demonstração: seus números nada significam.",
    weights="pesos",
)

PHRASES: Final[Mapping[ReasonLanguage, OverlayPhrases]] = MappingProxyType(
    {ReasonLanguage.ENGLISH: ENGLISH, ReasonLanguage.PORTUGUESE: PORTUGUESE}
)
"""Language → its words."""
