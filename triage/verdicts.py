"""What it was, as a sentence: for those who worked on it, and for those who were asked."""

from triage.incident import Closed, Disposition, Proposal
from triage.phrases import Phrase, phrase


def verdict(outcome: Proposal | Closed) -> Phrase:
    """In a word or two, "malware (true positive)"; where there is no better name for it, the disposition alone."""
    if outcome.disposition is Disposition.TRUE_POSITIVE and outcome.determination != "other":
        return phrase("verdict.harmful", what=phrase(f"determination.{outcome.determination}"))
    return phrase(f"disposition.{outcome.disposition}")


def told(outcome: Proposal | Closed) -> Phrase:
    """How the end is told to somebody who was asked, in plain words."""
    if outcome.determination == "malware":
        return phrase("over.malware")
    return phrase(f"over.{outcome.disposition}")
