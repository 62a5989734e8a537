"""Response actions: what can be done to an account, a device or a file, and how grave each is.

Source: domain.md section 4 with the corrections of triage.md section 6.
"""

from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """A automatic; B automatic where a rule says so; C one approval; D two approvers."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"

    def raised(self) -> "Tier":
        """One tier up, as VIPs, tier-0 accounts and servers are; D is the top."""
        tiers = list(Tier)
        return tiers[min(tiers.index(self) + 1, len(tiers) - 1)]


class TargetKind(StrEnum):
    ACCOUNT = "account"
    DEVICE = "device"
    FILE = "file"


class ActionKind(StrEnum):
    REVOKE_SESSIONS = "revoke_sessions"
    DISABLE_ACCOUNT = "disable_account"
    SCAN_DEVICE = "scan_device"
    ISOLATE_DEVICE = "isolate_device"
    QUARANTINE_FILE = "quarantine_file"


@dataclass(frozen=True, slots=True)
class ActionFacts:
    target: TargetKind
    tier: Tier
    reversible: bool
    uplift: bool = True
    """Whether a VIP, a tier-0 account or a server raises the tier by one."""


ACTIONS: dict[ActionKind, ActionFacts] = {
    ActionKind.REVOKE_SESSIONS: ActionFacts(TargetKind.ACCOUNT, Tier.A, False, uplift=False),
    ActionKind.DISABLE_ACCOUNT: ActionFacts(TargetKind.ACCOUNT, Tier.B, True),
    ActionKind.SCAN_DEVICE: ActionFacts(TargetKind.DEVICE, Tier.A, False, uplift=False),
    ActionKind.ISOLATE_DEVICE: ActionFacts(TargetKind.DEVICE, Tier.B, True),
    ActionKind.QUARANTINE_FILE: ActionFacts(TargetKind.FILE, Tier.B, False),
}


@dataclass(frozen=True, slots=True)
class Target:
    kind: TargetKind
    id: str
    """What the response API takes: an object id, a machine id, a SHA-1."""
    label: str
    """What people call it."""
