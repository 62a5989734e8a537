"""What it was, as a sentence: for those who worked on it, and for those who were asked."""

from triage.incident import Closed, Disposition, Proposal
from triage.phrases import Phrase, phrase


def verdict(outcome: Proposal | Closed) -> Phrase:
    """In plain words, "malware"; where there is no better name for it, the disposition alone."""
    if _has_name(outcome):
        return phrase(f"determination.{outcome.determination}")
    return phrase(f"verdict.{outcome.disposition}")


def technical(outcome: Proposal | Closed) -> Phrase:
    """As analysts call it, "malware (true positive)"."""
    if _has_name(outcome):
        return phrase("verdict.harmful", what=verdict(outcome))
    return phrase(f"disposition.{outcome.disposition}")


def _has_name(outcome: Proposal | Closed) -> bool:
    return outcome.disposition is Disposition.TRUE_POSITIVE and outcome.determination != "other"


def told(outcome: Proposal | Closed, *, answered: bool) -> Phrase:
    """How the end is told to somebody who was asked, in plain words; thanks are due for an answer."""
    what = "malware" if outcome.determination == "malware" else outcome.disposition
    helped = answered and outcome.disposition is Disposition.TRUE_POSITIVE
    return phrase(f"over.helped.{what}" if helped else f"over.{what}")
