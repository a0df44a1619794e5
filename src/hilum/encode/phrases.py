"""The sentences of reports, in the languages that people read them in."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hilum.settings import ReasonLanguage


@dataclass(frozen=True, slots=True)
class ReportPhrases:
    """The sentences of one language; braces are filled in.

    Attributes
    ----------
    finding, score, result, present, absent, raw, operating_point
        Head and cells of its table; the last two are on the scale of raw values.
    """

    ai: str
    """How artificial intelligence is abbreviated."""
    findings: str
    regions: str
    no_regions: str
    not_read: str
    overlay: str
    """Series Descriptions: ASCII, the result within the first 25 characters, which is what a study
    list shows."""
    segmentation: str
    presentation_state: str
    key_objects: str
    parametric_map: str
    """Series Descriptions of the further objects, also ASCII."""
    count: str
    """First line of the text report."""
    finding: str
    score: str
    raw: str
    operating_point: str
    result: str
    present: str
    absent: str
    not_a_probability: str
    """Line below the table."""
    warning: str
    """Head of each doubt of the gate."""
    refused: str
    reasons: str
    no_statement: str
    """Text of a refusal."""
    unverified: str
    """Said of weights whose hash nobody published."""
    demonstration: str
    """Said of the demonstration model."""
    report_title: str
    """Head of the plain-text report."""
    image: str
    no_dicom: str
    time: str
    model: str
    not_verified: str
    operating_points: str
    pixels: str
    software: str
    """Its names of facts."""


PHRASES: Final[Mapping[ReasonLanguage, ReportPhrases]] = MappingProxyType(
    {
        ReasonLanguage.ENGLISH: ReportPhrases(
            ai="AI",
            findings="AI findings: {positive} of {all}",
            regions="AI regions: {positive} of {all}",
            no_regions="AI regions: none",
            not_read="AI: not analyzed ({reason})",
            overlay="AI picture: {positive} of {all}, research only",
            segmentation="AI regions (SEG): {positive} findings, research only",
            presentation_state="AI regions (PR): {positive} findings, research only",
            key_objects="AI key images: {positive} findings, research only",
            parametric_map="AI activation maps (PM), research only",
            count="{positive} of {all} findings at or above the operating point",
            finding="Finding",
            score="Score",
            raw="Raw value",
            operating_point="Op. point",
            result="Result",
            present="PRESENT",
            absent="absent",
            not_a_probability="A score is not a probability. "
            "0.50 (50 %) is the score of each finding's operating point.",
            warning="Warning",
            refused="NOT ANALYZED BY THE AI",
            reasons="Reasons",
            no_statement="No statement is made about any finding.",
            unverified="The weights of this model are not verified: no published hash.",
            demonstration="DEMONSTRATION: this model has learned nothing about patients. "
            "Its findings mean nothing.",
            report_title="AI chest radiograph findings (research use only)",
            image="Image",
            no_dicom="not DICOM",
            time="Analyzed",
            model="Model",
            not_verified="weights not verified",
            operating_points="Thresholds",
            pixels="Pixels",
            software="Software",
        ),
        ReasonLanguage.PORTUGUESE: ReportPhrases(
            ai="IA",
            findings="IA: {positive} de {all} achados",
            regions="IA: {positive} de {all}, regioes",
            no_regions="IA: nenhuma regiao",
            not_read="IA: nao analisada ({reason})",
            overlay="IA imagem: {positive} de {all}, so pesquisa",
            segmentation="IA regioes (SEG): {positive} achados, so pesquisa",
            presentation_state="IA regioes (PR): {positive} achados, so pesquisa",
            key_objects="IA imagens-chave: {positive} achados, so pesquisa",
            parametric_map="IA mapas de ativacao (PM), so pesquisa",
            count="{positive} de {all} achados no ponto de operação ou acima",
            finding="Achado",
            score="Escore",
            raw="Valor bruto",
            operating_point="Ponto op.",
            result="Resultado",
            present="PRESENTE",
            absent="ausente",
            not_a_probability="Um escore não é uma probabilidade. "
            "0,50 (50 %) é o escore do ponto de operação de cada achado.",
            warning="Aviso",
            refused="NÃO ANALISADA PELA IA",
            reasons="Motivos",
            no_statement="Nenhuma afirmação é feita sobre qualquer achado.",
            unverified="Os pesos deste modelo não foram verificados: não há hash publicado.",
            demonstration="DEMONSTRAÇÃO: este modelo nada aprendeu sobre pacientes. "
            "Seus achados não significam nada.",
            report_title="Achados de IA em radiografia de tórax (somente para pesquisa)",
            image="Imagem",
            no_dicom="não é DICOM",
            time="Análise",
            model="Modelo",
            not_verified="pesos não verificados",
            operating_points="Limiares",
            pixels="Pixels",
            software="Software",
        ),
    }
)
"""Language → its sentences."""
