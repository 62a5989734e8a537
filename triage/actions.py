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
    URL = "url"
    MESSAGE = "message"
    APP = "app"


class ActionKind(StrEnum):
    REVOKE_SESSIONS = "revoke_sessions"
    DISABLE_ACCOUNT = "disable_account"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - an action
    REMOVE_MFA_METHOD = "remove_mfa_method"
    DISABLE_INBOX_RULE = "disable_inbox_rule"
    DISABLE_APP = "disable_app"
    DISABLE_DEVICE = "disable_device"
    SCAN_DEVICE = "scan_device"
    ISOLATE_DEVICE = "isolate_device"
    COLLECT_PACKAGE = "collect_package"
    QUARANTINE_FILE = "quarantine_file"
    BLOCK_URL = "block_url"
    DELETE_MAIL = "delete_mail"


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
    # Forcing a change alone would help whoever holds the password: sessions are revoked with it,
    # and the service desk hands over the new one after an L3 check (triage.md section 6).
    ActionKind.RESET_PASSWORD: ActionFacts(TargetKind.ACCOUNT, Tier.B, False),
    ActionKind.REMOVE_MFA_METHOD: ActionFacts(TargetKind.ACCOUNT, Tier.C, False),
    ActionKind.DISABLE_INBOX_RULE: ActionFacts(TargetKind.ACCOUNT, Tier.A, True, uplift=False),
    ActionKind.DISABLE_APP: ActionFacts(TargetKind.APP, Tier.C, True),
    ActionKind.DISABLE_DEVICE: ActionFacts(TargetKind.DEVICE, Tier.B, True),
    ActionKind.SCAN_DEVICE: ActionFacts(TargetKind.DEVICE, Tier.A, False, uplift=False),
    ActionKind.ISOLATE_DEVICE: ActionFacts(TargetKind.DEVICE, Tier.B, True),
    # Personal data leave the device with it: B, not A (triage.md section 6).
    ActionKind.COLLECT_PACKAGE: ActionFacts(TargetKind.DEVICE, Tier.B, False, uplift=False),
    ActionKind.QUARANTINE_FILE: ActionFacts(TargetKind.FILE, Tier.B, False),
    ActionKind.BLOCK_URL: ActionFacts(TargetKind.URL, Tier.C, True, uplift=False),
    ActionKind.DELETE_MAIL: ActionFacts(TargetKind.MESSAGE, Tier.B, True, uplift=False),
}


LOOKING = frozenset({ActionKind.SCAN_DEVICE, ActionKind.COLLECT_PACKAGE})
"""Actions that find out and stop nobody."""


@dataclass(frozen=True, slots=True)
class Target:
    kind: TargetKind
    id: str
    """What the response API takes: an object id, a machine id, a SHA-1, a URL, a message id."""
    label: str
    """What people call it."""
